package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/schedule"
)

// Schedule says when work starts, and which.
type Schedule struct {
	Name     string    `yaml:"name"`
	Cron     string    `yaml:"cron"`
	TimeZone Zone      `yaml:"time_zone"` // of Cron
	Run      Work      `yaml:"run"`
	Overlap  OnOverlap `yaml:"overlap"`
	Jitter   Duration  `yaml:"jitter"`                   // work starts up to this much later
	CatchUp  int       `yaml:"catch_up" range:"0..1000"` // slots missed in a downtime that are run after it
}

// defaultSchedule is the schedule of a project that says nothing of it.
func defaultSchedule() Schedule {
	s := Schedule{Name: "night", Cron: "0 2 * * *"}
	s.setDefaults()
	return s
}

// setDefaults fills a schedule before its keys are read.
func (s *Schedule) setDefaults() {
	s.Run, s.Overlap, s.CatchUp = Work(schedule.Night), OnOverlap(schedule.Queue), 7
}

// Work is what a schedule starts.
type Work string

var works = []string{string(schedule.Night), string(schedule.Retrain), string(schedule.Extract)}

// UnmarshalText checks that the work is known.
func (w *Work) UnmarshalText(text []byte) error {
	*w = Work(text)
	return oneOf(string(text), "what a schedule can run", works)
}

// OnOverlap is what becomes of a slot that comes while other work runs.
type OnOverlap string

// UnmarshalText checks that it is known.
func (o *OnOverlap) UnmarshalText(text []byte) error {
	*o = OnOverlap(text)
	return oneOf(string(text), "a way to deal with an overlap", []string{string(schedule.Queue), string(schedule.Skip)})
}

// Plans returns the schedules of the project, at least one. It cannot fail on a
// configuration that Load returned.
func (c *Config) Plans() ([]schedule.Plan, error) {
	from := c.Schedules
	if len(from) == 0 {
		from = []Schedule{c.Schedule}
	}
	plans := make([]schedule.Plan, len(from))
	for i, s := range from {
		when, err := schedule.Parse(s.Cron, s.TimeZone.Location())
		if err != nil {
			return nil, fmt.Errorf("schedule %s: %w", s.Name, err)
		}
		plans[i] = schedule.Plan{Name: s.Name, When: when, Work: schedule.Work(s.Run), Overlap: schedule.Overlap(s.Overlap),
			Jitter: time.Duration(s.Jitter), CatchUp: s.CatchUp}
	}
	return plans, nil
}

func (d *decoder) checkSchedules(c *Config) {
	if d.has("schedule") && len(c.Schedules) > 0 {
		d.report(d.places["schedules"], "schedules", "given beside schedule; expected one of them: several schedules, each with a name, or the only one")
	}
	taken := map[string]int{}
	d.checkSchedule(&c.Schedule, "schedule", c.TimeZone)
	for i := range c.Schedules {
		s, path := &c.Schedules[i], fmt.Sprintf("schedules[%d]", i)
		first, twice := taken[s.Name]
		switch {
		case s.Name == "":
			d.failAt(path+".name", "missing; expected a name such as weekly-retrain")
		case twice:
			d.failAt(path+".name", "%q is the name of schedules[%d] already; expected a name of its own", s.Name, first)
		default:
			taken[s.Name] = i
		}
		d.checkSchedule(s, path, c.TimeZone)
	}
}

const maxJitter = 24 * time.Hour

func (d *decoder) checkSchedule(s *Schedule, path string, zone Zone) {
	if s.TimeZone == "" {
		s.TimeZone = zone
	}
	if s.Name != "" && !projectName.MatchString(s.Name) {
		d.failAt(path+".name", "%q is not a name; expected a-z, 0-9, - and _, beginning with a letter", s.Name)
	}
	const expected = "expected minute, hour, day of month, month, day of week, such as 0 2 * * *"
	if s.Cron == "" {
		d.failAt(path+".cron", "missing; %s", expected)
	} else if _, err := schedule.Parse(s.Cron, s.TimeZone.Location()); err != nil {
		message := strings.TrimPrefix(err.Error(), "reading cron expression: ")
		d.failAt(path+".cron", "%q is not a schedule: %s; %s", s.Cron, message, expected)
	}
	if v := time.Duration(s.Jitter); v < 0 || v > maxJitter {
		d.failAt(path+".jitter", "%s is out of range; expected a length of time from 0s to 24h, such as 10m", s.Jitter)
	}
	if s.Run == Work(schedule.Night) {
		return
	}
	// One extraction, or one more lesson, does the work of all that were missed.
	if !d.has(path + ".catch_up") {
		s.CatchUp = 1
	}
	if s.Run == Work(schedule.Extract) && !d.has(path+".overlap") {
		s.Overlap = OnOverlap(schedule.Skip)
	}
}

const maxGrace = time.Hour

func (d *decoder) checkGrace(c *Config) {
	if v := time.Duration(c.Resources.Grace); v < 0 || v > maxGrace {
		d.failAt("resources.grace", "%s is out of range; expected a length of time from 0s to 1h, such as 20s", c.Resources.Grace)
	}
}
