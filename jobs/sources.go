package jobs

import (
	"fmt"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/files"
	"github.com/mainstay-etl/mainstay/pipeline/source/mysql"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// newSource makes the configured source. A new type of source is added here.
func (p *Project) newSource(c config.Source, o duck.Options) (source.Source, error) {
	switch c.Type {
	case config.TypeFiles:
		return newFiles(c, o)
	case config.TypePostgres:
		d, err := postgres.New(postgres.Options{URL: string(c.Database.URL), PasswordFile: string(c.Database.PasswordFile)})
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", c.Name, err)
		}
		return newDatabase(c, o, d)
	case config.TypeMySQL:
		d, err := mysql.New(mysql.Options{URL: string(c.Database.URL), PasswordFile: string(c.Database.PasswordFile)})
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", c.Name, err)
		}
		return newDatabase(c, o, d)
	}
	return nil, fmt.Errorf("source %s: no source of type %q in this mainstay", c.Name, c.Type)
}

func newFiles(c config.Source, o duck.Options) (source.Source, error) {
	selects := map[string]string{}
	for _, t := range c.Tables {
		selects[t.Name] = t.Select
	}
	return files.New(files.Options{
		Name: c.Name, Globs: c.Files.Patterns(), Format: files.Format(c.Files.Format), TimeZone: string(c.TimeZone), Selects: selects, Session: o,
		CSV: files.CSVOptions{Delimiter: c.Files.CSV.Delimiter, Quote: c.Files.CSV.Quote, Header: c.Files.CSV.Header, NullStrings: c.Files.CSV.NullStrings},
	})
}

func newDatabase(c config.Source, o duck.Options, d relational.Dialect) (source.Source, error) {
	limits := c.Database.Limits
	out := relational.Options{
		Name: c.Name, TimeZone: string(c.TimeZone), Tables: map[string]relational.Table{}, Session: o, Freeze: c.Database.SchemaChanges == config.Freeze,
		Limits: relational.Limits{QueryTime: time.Duration(limits.QueryTime), StatementTimeout: time.Duration(limits.StatementTimeout), LockTimeout: time.Duration(limits.LockTimeout), Connections: limits.Connections},
	}
	for _, t := range c.Tables {
		out.Tables[t.Name] = relational.Table{Select: t.Select, Key: t.Key, Cursor: t.Cursor, Overlap: string(t.Overlap), Verify: t.Verify}
	}
	return relational.New(out, d)
}
