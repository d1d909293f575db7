package config

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/schedule"
)

func TestPlans(t *testing.T) {
	t.Parallel()
	night := []string{"night 0 2 * * * Europe/London night queue 0s 7"}
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"none":       {"", night},
		"empty":      {"schedule:\nschedules:\n", night},
		"empty list": {"schedules: []\n", night},
		"the only one": {"schedule: {cron: 0 3 * * *, jitter: 5m}\n",
			[]string{"night 0 3 * * * Europe/London night queue 5m0s 7"}},
		"an extraction": {"schedule: {cron: 0 * * * *, run: extract, name: hourly}\n",
			[]string{"hourly 0 * * * * Europe/London extract skip 0s 1"}},
		"several": {`schedules:
  - {name: nightly, cron: 0 2 * * mon-sat}
  - {name: weekly, cron: 0 2 * * sun, run: retrain, time_zone: Asia/Kolkata}
  - {name: hourly, cron: 15 * * * *, run: extract, jitter: 10m}
  - {name: patient, cron: 45 * * * *, run: extract, overlap: queue, catch_up: 0}
`, []string{
			"nightly 0 2 * * mon-sat Europe/London night queue 0s 7",
			"weekly 0 2 * * sun Asia/Kolkata retrain queue 0s 1",
			"hourly 15 * * * * Europe/London extract skip 10m0s 1",
			"patient 45 * * * * Europe/London extract queue 0s 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plans, err := mustParse(t, minimal+"time_zone: Europe/London\n"+tt.text).Plans()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range plans {
				got = append(got, strings.Join([]string{p.Name, p.When.String(), string(p.Work), string(p.Overlap), p.Jitter.String(), strconv.Itoa(p.CatchUp)}, " "))
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// What can be written is what the scheduler knows.
func TestScheduleWords(t *testing.T) {
	t.Parallel()
	for _, w := range []schedule.Work{schedule.Night, schedule.Retrain, schedule.Extract} {
		if err := new(Work).UnmarshalText([]byte(w)); err != nil {
			t.Error(err)
		}
	}
	for _, o := range []schedule.Overlap{schedule.Queue, schedule.Skip} {
		if err := new(OnOverlap).UnmarshalText([]byte(o)); err != nil {
			t.Error(err)
		}
	}
}
