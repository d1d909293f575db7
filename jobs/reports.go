package jobs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// Names of the tables in which a night reports about itself.
const (
	nightsTable      = "nights"
	rowAccountsTable = "row_accounts"
	quarantineTable  = "quarantine"
)

// reportJobs make the tables in which a night reports about itself.
func reportJobs(p *Project) []pipeline.Job {
	return []pipeline.Job{
		{
			Name: rowAccountsTable, Kind: pipeline.Report, Needs: contract.Names(), Logic: code(),
			About: "What became of every row: per source, input and table, rows read = stored + duplicates + quarantined + forgotten.",
			Run:   p.rowAccounts,
		},
		{
			Name: quarantineTable, Kind: pipeline.Report, Needs: contract.Names(), Logic: code(),
			About: "Every refused row with its reason.",
			Run:   p.quarantine,
		},
		{
			Name: nightsTable, Kind: pipeline.Report, Needs: contract.Names(), Logic: code(),
			About: "The published nights, one row per as-of day, this one included.",
			Run:   p.nights,
		},
	}
}

func (p *Project) rowAccounts(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
	accounts, err := r.Night.Ledger.Accounts(ctx)
	if err != nil {
		return pipeline.Table{}, err
	}
	none := "NULL, NULL, NULL, NULL, NULL, NULL, NULL"
	var rows []string
	for _, a := range accounts {
		rows = append(rows, fmt.Sprintf("('input', %s, %s, %d, %s, %d, %d, %d, %d, %d, DATE %s, %t, %s)", duck.Quote(a.Input.Source), duck.Quote(a.Input.Name), a.Input.ID, duck.Quote(a.Table),
			a.Read, a.Stored, a.Duplicates, a.Quarantined, a.Forgotten, duck.Quote(a.Input.AsOf), a.Input.Replaced, none))
	}
	certificates, err := r.Night.Ledger.AllCertificates(ctx)
	if err != nil {
		return pipeline.Table{}, err
	}
	for _, c := range certificates {
		rows = append(rows, fmt.Sprintf("('certificate', %s, NULL, NULL, %s, NULL, NULL, NULL, NULL, %d, DATE %s, false, %d, %d, %d, %d, %s, %s, %t)", duck.Quote(c.Source), duck.Quote(c.Table),
			c.Forgotten, duck.Quote(c.AsOf), c.SourceRows, c.LakeRows, c.Refused, c.Deleted, duck.Quote(c.SourceSum), duck.Quote(c.LakeSum), c.SourceRows == c.LakeRows+c.Refused && c.SourceSum == c.LakeSum))
	}
	expired, err := r.Night.Ledger.ExpiredFiles(ctx)
	if err != nil {
		return pipeline.Table{}, err
	}
	for _, f := range expired {
		rows = append(rows, fmt.Sprintf("('expired', NULL, %s, NULL, %s, NULL, %d, %s, NULL, %s)", duck.Quote(filepath.ToSlash(f.Path)), duck.Quote(f.Table), f.Rows, "NULL, NULL, NULL", "false, "+none))
	}
	return p.valuesTable(ctx, r, []string{"kind VARCHAR", "source VARCHAR", "input VARCHAR", "input_id BIGINT", "table_name VARCHAR", "rows_read BIGINT", "rows_stored BIGINT", "rows_duplicate BIGINT", "rows_quarantined BIGINT", "rows_forgotten BIGINT", "as_of DATE", "replaced BOOLEAN",
		"source_rows BIGINT", "lake_rows BIGINT", "lake_quarantined BIGINT", "rows_deleted BIGINT", "source_checksum VARCHAR", "lake_checksum VARCHAR", "matches BOOLEAN"}, rows)
}

// nights lists what is published once this night is. Only what the night's inputs
// decide is in it, so that the same night gives the same bytes; when and where it ran
// is in the ledger (`mainstay nights`).
func (p *Project) nights(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
	nights, err := r.Night.Ledger.PublishedNights(ctx)
	if err != nil {
		return pipeline.Table{}, err
	}
	tonight := ledger.Night{AsOf: r.Night.AsOf.String(), Version: Version, Config: p.Fingerprint(), Lake: lakeDigest(r)}
	row := func(n ledger.Night) string {
		return fmt.Sprintf("(DATE %s, %s, %s, %s, %s)", duck.Quote(n.AsOf), duck.Quote(n.Version), duck.Quote(n.Config), duck.Quote(n.Lake), duck.Quote(warehouse.DayDir(n.AsOf)))
	}
	rows := []string{row(tonight)}
	for _, n := range nights {
		if n.AsOf != tonight.AsOf {
			rows = append(rows, row(n))
		}
	}
	return p.valuesTable(ctx, r, []string{"as_of DATE", "mainstay_version VARCHAR", "config VARCHAR", "lake VARCHAR", "directory VARCHAR"}, rows)
}

// lakeDigest names the state of the lake that the night sees.
func lakeDigest(r *pipeline.Run) string {
	var states []any
	for _, c := range contract.Names() {
		states = append(states, r.In[c].Digest())
	}
	return pipeline.Fingerprint(states...)[:16]
}

func (p *Project) quarantine(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
	l := lakeOf(r)
	query, err := l.Quarantine(ctx)
	if err != nil {
		return pipeline.Table{}, err
	}
	return p.queryTable(ctx, r, query)
}

// valuesTable makes a table of literal rows, sorted.
func (p *Project) valuesTable(ctx context.Context, r *pipeline.Run, columns, rows []string) (pipeline.Table, error) {
	return p.queryTable(ctx, r, valuesQuery(columns, rows))
}

// valuesQuery gives literal rows as columns such as "n BIGINT", sorted.
func valuesQuery(columns, rows []string) string {
	names, casts := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		name, typ, _ := strings.Cut(c, " ")
		names[i] = name
		casts[i] = fmt.Sprintf("CAST(%s AS %s) AS %s", name, typ, name)
	}
	from := fmt.Sprintf("(VALUES %s) AS t(%s)", strings.Join(rows, ",\n"), strings.Join(names, ", "))
	if len(rows) == 0 {
		from = fmt.Sprintf("(SELECT %s WHERE false) AS t(%s)", strings.TrimSuffix(strings.Repeat("NULL, ", len(columns)), ", "), strings.Join(names, ", "))
	}
	return fmt.Sprintf("SELECT %s FROM %s ORDER BY ALL", strings.Join(casts, ", "), from)
}

// queryTable makes a table from a query that names all of its inputs.
func (p *Project) queryTable(ctx context.Context, r *pipeline.Run, query string) (pipeline.Table, error) {
	spec := pipeline.PartSpec{Dir: filepath.Join("results", r.Job.Name, "as_of="+r.Night.AsOf.String()), Ext: ".parquet", Key: []any{query}}
	part, err := r.Part(ctx, spec, func(ctx context.Context, path string) (rows int64, err error) {
		o, err := p.session(r)
		if err != nil {
			return 0, err
		}
		s, err := duck.Open(ctx, o)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return s.WriteParquet(ctx, query, path)
	})
	if err != nil {
		return pipeline.Table{}, err
	}
	return pipeline.Table{Parts: []pipeline.Part{part}}, nil
}
