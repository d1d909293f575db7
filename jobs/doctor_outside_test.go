package jobs_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

// The files that secrets come from, whatever they are for, and the database that results
// are published to.
func TestDoctorOutside(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	b := &testBundle{t: t, ctx: t.Context(), dir: t.TempDir()}
	b.data = filepath.Join(b.dir, "data")
	address := must(url.Parse(d.URL))
	password, _ := address.User.Password()
	address.User = url.User(address.User.Username())
	b.write("mainstay.yaml", testConfig+fmt.Sprintf(`
notify:
  channels:
    - {name: hook, type: webhook, url_file: ./hook, token_file: ./token}
    - {name: mail, type: email, server: "smtp.example.com:587", username: u, password_file: ./mail, from: a@example.com, to: [b@example.com]}
  ping: {url_file: ./ping}
lineage: {url_file: ./lineage}
publish: {postgres: {url: %q, password_file: ./crm}}
`, address))
	files := map[string]string{
		"hook": "url_file of channel hook", "token": "token_file of channel hook", "mail": "password_file of channel mail",
		"ping": "url_file of notify.ping", "lineage": "url_file of lineage", "crm": "password_file of publish.postgres",
	}
	for name := range files {
		b.write(name, password+"\n")
		must(0, os.Chmod(filepath.Join(b.dir, name), 0o600))
	}
	must(0, os.Chmod(filepath.Join(b.dir, "hook"), 0o644))
	must(0, os.Chmod(filepath.Join(b.dir, "lineage"), 0o640))
	must(0, os.Remove(filepath.Join(b.dir, "mail")))
	all := jobs.Examine(b.ctx, b.dir, b.data, time.Now())
	find := func(subject, what string) jobs.Symptom {
		t.Helper()
		var found []jobs.Symptom
		for _, s := range all {
			if strings.Contains(s.Found+s.Advice, password) {
				t.Errorf("the secret shows: %+v", s)
			}
			if s.Subject == subject && strings.Contains(s.Found, what) {
				found = append(found, s)
			}
		}
		if len(found) != 1 {
			t.Fatalf("%s, %s: %+v", subject, what, found)
		}
		return found[0]
	}
	want := map[string]string{"hook": jobs.Look, "lineage": jobs.Look, "mail": jobs.Broken}
	for name, what := range files {
		grade := want[name]
		if grade == "" {
			grade = jobs.Healthy
		}
		if s := find("secrets", what); s.Grade != grade || grade == jobs.Look && s.Advice != "chmod 600 "+filepath.Join(b.dir, name) {
			t.Errorf("%s: %+v, want %s", name, s, grade)
		}
	}
	if s := find("publish.postgres", "may write into schema mainstay"); s.Grade != jobs.Healthy {
		t.Errorf("%+v", s)
	}
	b.write("crm", "not the password\n")
	all = jobs.Examine(b.ctx, b.dir, b.data, time.Now())
	if s := find("publish.postgres", "password authentication failed"); s.Grade != jobs.Broken {
		t.Errorf("%+v", s)
	}
}
