package jobs

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
	"github.com/mainstay-etl/mainstay/sql/cases"
)

// givenSQL gives the rows of a section: of the contract's tables as a session shows them,
// of any other table as they are written, through file.
func (r *caseRun) givenSQL(g cases.Section, file string) (string, error) {
	if t, err := contract.Lookup(strings.TrimPrefix(g.Table, futurePrefix)); err == nil {
		return r.contractSQL(t, g), nil
	}
	f, err := os.Create(file)
	if err != nil {
		return "", fmt.Errorf("writing given rows: %w", err)
	}
	defer f.Close()
	w := csv.NewWriter(f)
	records := [][]string{g.Names()}
	for _, row := range g.Rows {
		record := make([]string, len(row.Values))
		for i, v := range row.Values {
			if v != nil {
				record[i] = *v
			}
		}
		records = append(records, record)
	}
	if err := w.WriteAll(records); err != nil {
		return "", fmt.Errorf("writing given rows: %w", err)
	}
	// Types that the header leaves out are guessed from the values.
	types := ""
	for _, c := range g.Columns {
		if c.Type != "" {
			types += fmt.Sprintf("%s: %s, ", duck.Quote(c.Name), duck.Quote(c.Type))
		}
	}
	if types != "" {
		types = ", types = {" + strings.TrimSuffix(types, ", ") + "}"
	}
	return fmt.Sprintf("SELECT * FROM read_csv(%s, header = true, delim = ',', quote = '\"', nullstr = ''%s)", duck.Quote(file), types), nil
}

// contractSQL gives rows of a contract table as a session of the night shows them: event
// time within the window, instants in business-local time, without what later moments
// added. Columns that are left out are NULL, others ride along.
func (r *caseRun) contractSQL(t contract.Table, g cases.Section) string {
	local := map[string]string{}
	for _, c := range t.Columns {
		value := "NULL"
		if g.Has(c.Name) {
			value = duck.Ident(c.Name)
		}
		if local[c.Name] = fmt.Sprintf("CAST(%s AS %s)", value, c.Type); c.Type == contract.Instant {
			local[c.Name] = r.localSQL(value)
		}
	}
	event, from, to := local[t.EventTime], "", "cutoff()"
	if t.Name != g.Table {
		from, to = fmt.Sprintf("%s >= cutoff() AND ", event), "cutoff() + to_days(horizon_days())"
	}
	if r.model.Layer == sqlfiles.Catalogue {
		to = "TIMESTAMP 'infinity'" // it sees the whole lake
	}
	var cols []string
	for _, c := range t.Columns {
		value := local[c.Name]
		if t.Later != nil && slices.Contains(t.Later.Columns, c.Name) {
			value = fmt.Sprintf("CASE WHEN %s < %s THEN %s END", local[t.Later.At], to, value)
		}
		cols = append(cols, value+" AS "+duck.Ident(c.Name))
	}
	for _, c := range g.Columns {
		if _, ok := t.Column(c.Name); ok {
			continue
		}
		value := duck.Ident(c.Name)
		if c.Type != "" {
			value = fmt.Sprintf("CAST(%s AS %s)", value, c.Type)
		}
		if t.Later != nil {
			value = fmt.Sprintf("CASE WHEN %s < %s THEN %s END", local[t.Later.At], to, value)
		}
		cols = append(cols, value+" AS "+duck.Ident(c.Name))
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s%s < %s", strings.Join(cols, ", "), textRows(g), from, event, to)
}

// localSQL reads a time: one with an offset is a moment, one without is local already.
func (r *caseRun) localSQL(value string) string {
	return fmt.Sprintf(`CASE WHEN regexp_matches(%[1]s, ':[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$') THEN timezone(%[2]s, CAST(%[1]s AS TIMESTAMPTZ)) ELSE CAST(%[1]s AS TIMESTAMP) END`,
		value, duck.Quote(string(r.settings.TimeZone)))
}

// textRows is a relation of a section's rows as text.
func textRows(s cases.Section) string {
	if len(s.Columns) == 0 {
		return "(SELECT 1 WHERE false)"
	}
	none := make([]string, len(s.Columns))
	for i := range none {
		none[i] = "CAST(NULL AS VARCHAR)"
	}
	rows := []string{"SELECT " + strings.Join(none, ", ") + " WHERE false"}
	for _, row := range s.Rows {
		values := make([]string, len(row.Values))
		for i, v := range row.Values {
			if values[i] = "NULL"; v != nil {
				values[i] = duck.Quote(*v)
			}
		}
		rows = append(rows, "SELECT "+strings.Join(values, ", "))
	}
	return fmt.Sprintf("(%s) AS g(%s)", strings.Join(rows, " UNION ALL "), duck.Idents(s.Names()))
}
