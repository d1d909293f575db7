package jobs

import (
	"context"
	"os"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/push"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
)

// secretFile is a file that a secret comes from.
type secretFile struct{ what, path string }

// secretFiles are those that the configuration names.
func (p *Project) secretFiles() []secretFile {
	c := p.Config
	var out []secretFile
	add := func(what, path string) {
		if path != "" {
			out = append(out, secretFile{what, path})
		}
	}
	for _, s := range c.Sources {
		add("password_file of source "+s.Name, string(s.Database.PasswordFile))
	}
	for _, ch := range c.Notify.Channels {
		add("url_file of channel "+ch.Name, string(ch.URLFile))
		add("token_file of channel "+ch.Name, string(ch.TokenFile))
		add("password_file of channel "+ch.Name, string(ch.PasswordFile))
	}
	add("url_file of notify.ping", string(c.Notify.Ping.URLFile))
	add("url_file of lineage", string(c.Lineage.URLFile))
	add("token_file of lineage", string(c.Lineage.TokenFile))
	add("password_file of publish.postgres", string(c.Publish.Postgres.PasswordFile))
	return out
}

// secrets looks at who may read the files that secrets come from.
func (d *doctor) secrets() {
	for _, s := range d.p.secretFiles() {
		st, err := os.Stat(s.path)
		switch {
		case err != nil:
			d.say(Broken, "secrets", "put the secret there, or name another file", "%s: %v", s.what, err)
		case st.Mode().Perm()&0o077 != 0:
			d.say(Look, "secrets", "chmod 600 "+s.path, "%s may be read by others (%s)", s.what, st.Mode().Perm())
		default:
			d.say(Healthy, "secrets", "", "%s is its owner's alone", s.what)
		}
	}
}

// answerTime is how long a server may take to answer a doctor.
const answerTime = 15 * time.Second

// pushTo looks at the database that results are published to.
func (d *doctor) pushTo(ctx context.Context) {
	c := d.p.Config.Publish.Postgres
	if c.URL == "" {
		return
	}
	const subject = "publish.postgres"
	tables := c.Tables
	if len(tables) == 0 {
		g, err := d.p.Graph(nil)
		if err != nil {
			return // the configuration's own line says so
		}
		for _, j := range g.Jobs {
			if published(j) {
				tables = append(tables, j.Name)
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	server, err := push.Check(ctx, push.Options{Server: postgres.Options{URL: string(c.URL), PasswordFile: string(c.PasswordFile)}, Schema: c.Schema}, tables)
	if err != nil {
		d.say(Broken, subject, "mend that, then `mainstay publish push`: nights are published here all the same, and not there", "%v", err)
		return
	}
	d.say(Healthy, subject, "", "%s", server)
}
