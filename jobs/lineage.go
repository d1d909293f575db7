package jobs

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/lineage"
	"github.com/mainstay-etl/mainstay/pipeline/post"
)

// Lineage makes what sends the events of a night to where lineage in the configuration
// says; nil when it says nothing. Its Close must be called.
func (p *Project) Lineage(ctx context.Context) (*lineage.Emitter, error) {
	c := p.Config.Lineage
	if c.File == "" && c.URL == "" && c.URLFile == "" {
		return nil, nil
	}
	return lineage.New(ctx, lineage.Options{
		File: string(c.File), To: post.Target{URL: string(c.URL), URLFile: string(c.URLFile), Token: string(c.Token), TokenFile: string(c.TokenFile)},
		Timeout: time.Duration(c.Timeout), Namespace: cmp.Or(c.Namespace, p.Config.Name), Version: Version, Describe: p.lineageOf,
	})
}

// lineageOf says what is known of a job.
func (p *Project) lineageOf(j pipeline.Job) lineage.Description {
	var d lineage.Description
	if m, ok := p.Models.Get(j.Name); ok {
		d.SQL = m.SQL
	}
	s, _ := p.sidecar(j.Name)
	for _, c := range s.Columns {
		d.Fields = append(d.Fields, lineage.Field{Name: c.Name, Description: c.Meaning})
	}
	for _, src := range p.Config.Sources {
		if extractName(src) == j.Name {
			d.Reads = readsOf(src)
		}
	}
	return d
}

// readsOf names what a source reads: the patterns of its files, or the database with the
// contract's tables that it fills.
func readsOf(s config.Source) []lineage.Dataset {
	var out []lineage.Dataset
	for _, glob := range s.Files.Patterns() {
		out = append(out, lineage.Dataset{Namespace: "file", Name: glob})
	}
	u, err := url.Parse(s.Database.URL.String()) // without user and password
	if err != nil || s.Database.URL == "" {
		return out
	}
	for _, t := range s.Tables {
		out = append(out, lineage.Dataset{Namespace: u.Scheme + "://" + u.Host, Name: strings.Trim(u.Path, "/") + "." + t.Name})
	}
	return out
}
