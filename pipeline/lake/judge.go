package lake

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// judge makes the relation judged: every landed row with its contract columns cast and
// its extra columns as they came (names that begin with _ are mainstay's own), plus
//
//	_reason, _detail, _landed  why it is refused or left out, and the row as it landed
//	                           (JSON); NULL for a good row
//	_day                       event day (UTC)
//	_copy                      its number among the rows of its input that equal it in
//	                           every column, from 1; NULL for a refused row. Of a
//	                           database: 2 for a row that the lake holds already, else 1.
//
// For a database, key and digest of the row come with it, and the tables previous (the
// versions that the lake holds of these rows) and buried (those of them that no longer
// hold) are made first and last.
func (in *ingest) judge(ctx context.Context, landings []Landing) error {
	landed := landedSQL(landings, in.t.Name)
	cols, err := in.sess.Columns(ctx, "SELECT * FROM ("+landed+")")
	if err != nil {
		return err
	}
	if err := required(in.t, cols, in.keyed()); err != nil {
		return err
	}
	if in.keyed() {
		if landed, err = in.withKey(landed, cols); err != nil {
			return err
		}
	}
	if err := in.sess.Exec(ctx, "CREATE TEMP VIEW landed AS "+landed); err != nil {
		return err
	}
	if in.merge {
		if err := in.findPrevious(ctx, floats(cols)); err != nil {
			return err
		}
	}
	if err := in.keepJudged(ctx, judgeSQL(in.t, cols, in.keyed(), in.merge, in.leftOut())); err != nil {
		return err
	}
	if in.merge {
		return in.bury(ctx)
	}
	return nil
}

// keepJudged keeps the judged rows for the queries that follow. Those of a database go
// through a file: DuckDB writes and scans one in less memory than a table.
func (in *ingest) keepJudged(ctx context.Context, query string) error {
	if !in.keyed() {
		return in.sess.Exec(ctx, "CREATE TEMP TABLE judged AS "+query)
	}
	path := filepath.Join(in.dir, "judged.parquet")
	if err := in.sess.Exec(ctx, fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet, COMPRESSION snappy, %s)", query, duck.Quote(path), smallGroups)); err != nil {
		return err
	}
	return in.sess.Exec(ctx, "CREATE TEMP VIEW judged AS SELECT * FROM "+duck.ReadParquet([]string{path}))
}

// required refuses a mapping that gives a required column for no row at all: that is a
// mistake in the mapping (or, for files, a wrong delimiter), not in the rows.
func required(t contract.Table, landed []duck.Column, database bool) error {
	ask := "Is a name wrong, or the delimiter of the files?"
	if database {
		ask = "Is a name wrong?"
	}
	has, names := map[string]bool{}, []string{}
	for _, c := range landed {
		has[strings.ToLower(c.Name)] = true
		if !strings.HasPrefix(c.Name, "_") {
			names = append(names, c.Name)
		}
	}
	for _, c := range t.Columns {
		if c.Required && !has[c.Name] && (c.Default == "" || !has[c.Default]) {
			return fmt.Errorf("the mapping (select of table %s in mainstay.yaml) gives no column %s, which is required; it gives %s. %s", t.Name, c.Name, strings.Join(names, ", "), ask)
		}
	}
	return nil
}

// landedSQL reads the landing files of a table in one scan, with the input of each row.
func landedSQL(landings []Landing, table string) string {
	paths, inputs := make([]string, len(landings)), make([]string, len(landings))
	for i, ld := range landings {
		paths[i] = ld.Tables[table]
		inputs[i] = fmt.Sprintf("(%s, %d::BIGINT)", duck.Quote(paths[i]), ld.Input.ID)
	}
	return fmt.Sprintf("SELECT i._input AS %s, l.* EXCLUDE (_path)\nFROM %s AS l JOIN (VALUES %s) AS i(_path, _input) USING (_path)",
		contract.ColInput, readNamed(paths), strings.Join(inputs, ", "))
}

// readNamed reads files with the column _path, the name of each row's file.
func readNamed(paths []string) string {
	return strings.Replace(duck.ReadParquet(paths), "union_by_name = true", "union_by_name = true, filename = '_path'", 1)
}

func joinUnion(parts []string) string { return strings.Join(parts, "\nUNION ALL BY NAME\n") }

// judgeSQL writes the query behind judge for landed columns. It keeps the landed
// values in a struct raw beside the cast ones until the reason is found. leftOut is the
// condition that a row is of a person who is to be forgotten, or "".
func judgeSQL(t contract.Table, landed []duck.Column, keyed, merge bool, leftOut string) string {
	has := landedTypes{}
	var raw, typed, names []string
	for _, c := range landed {
		has[strings.ToLower(c.Name)] = c.Type // SQL does not tell cases apart
		if c.Name != contract.ColInput {
			raw = append(raw, duck.Ident(c.Name)+" := "+duck.Ident(c.Name))
		}
	}
	for _, c := range t.Columns {
		typed = append(typed, castSQL(c, has)+" AS "+c.Name)
		names = append(names, c.Name)
	}
	for _, c := range landed {
		if _, ok := t.Column(strings.ToLower(c.Name)); !ok && !strings.HasPrefix(c.Name, "_") {
			typed = append(typed, duck.Ident(c.Name))
			names = append(names, duck.Ident(c.Name))
		}
	}
	all, own, from := strings.Join(names, ", "), []string{contract.ColInput, contract.ColRow}, "refused"
	number := fmt.Sprintf("CASE WHEN _why IS NULL THEN row_number() OVER (PARTITION BY _why IS NULL, %s, %s, hash(%s) ORDER BY %s) END", contract.ColInput, strings.Join(t.Key, ", "), all, contract.ColRow)
	if keyed {
		own = append(own, contract.ColKey, contract.ColHash)
		number = "CASE WHEN _why IS NULL THEN 1 END"
	}
	if merge {
		from = fmt.Sprintf("(SELECT refused.*, %s AS _same FROM refused LEFT JOIN previous AS p USING (%s))", sameSQL(t, landed), contract.ColKey)
		number = "CASE WHEN _same THEN 2 WHEN _why IS NULL THEN 1 END"
	}
	branches := refusals(t, has)
	if leftOut != "" {
		branches = append([]string{fmt.Sprintf("WHEN %s THEN {'reason': '%s', 'detail': ''}", leftOut, contract.ReasonForgotten)}, branches...)
	}
	return fmt.Sprintf(`WITH typed AS (
    SELECT %[1]s, struct_pack(%[2]s) AS _raw, %[3]s FROM landed
), refused AS (
    SELECT *, CASE %[4]s END AS _why FROM typed
)
SELECT %[1]s, %[5]s, _why.reason AS _reason, _why.detail AS _detail,
    CASE WHEN _why IS NOT NULL THEN CAST(to_json(_raw) AS VARCHAR) END AS _landed,
    CAST(make_timestamp(epoch_us(%[6]s)) AS DATE) AS _day,
    %[7]s AS _copy
FROM %[8]s`,
		strings.Join(own, ", "), strings.Join(raw, ", "), strings.Join(typed, ",\n        "),
		strings.Join(branches, "\n        "), all, t.EventTime, number, from)
}

// castSQL writes how a landed column becomes a contract column; texts that are empty
// count as missing.
func castSQL(c contract.Column, has landedTypes) string {
	value := fmt.Sprintf("CAST(NULL AS %s)", c.Type)
	switch {
	case has[c.Name] != "" && c.Type == contract.Text:
		value = textOf(c.Name)
	case has[c.Name] != "" && c.Type == contract.Date:
		value = fmt.Sprintf("CAST(TRY_CAST(%s AS TIMESTAMP) AS DATE)", duck.Ident(c.Name)) // a cast to DATE takes 2024-03-01x
	case has[c.Name] != "":
		value = fmt.Sprintf("TRY_CAST(%s AS %s)", duck.Ident(c.Name), c.Type)
	}
	if c.Default == "" {
		return value
	}
	def := c.Default
	if has[def] != "" {
		def = textOf(def)
	}
	return fmt.Sprintf("coalesce(%s, %s)", value, def)
}

func textOf(col string) string {
	return fmt.Sprintf("nullif(CAST(%s AS VARCHAR), '')", duck.Ident(col))
}

// landedTypes are DuckDB's types of the landed columns, by name in lower case.
type landedTypes map[string]string

// refusals are the WHEN branches that find why a row is refused, in the order of
// contract.Table.Reasons without malformed records. A value that is not of the
// column's type, or has more digits than the type holds and would be bent, is bad.
func refusals(t contract.Table, has landedTypes) []string {
	var out []string
	when := func(cond, reason, detail string) {
		out = append(out, fmt.Sprintf("WHEN %s THEN {'reason': '%s', 'detail': %s}", cond, reason, detail))
	}
	if has[source.ColUnfit] != "" {
		when("_raw."+source.ColUnfit+" IS NOT NULL", contract.ReasonUnfit, fmt.Sprintf("replace(substr(_raw.%s, 2), chr(31), ', ') || ' cannot be represented: cast it to text in the mapping, or replace it'", source.ColUnfit))
	}
	for _, c := range t.Columns {
		raw, landed := "_raw."+duck.Ident(c.Name), has[c.Name]
		quoted := fmt.Sprintf("'%s: \"' || left(CAST(%s AS VARCHAR), 100) || '\" ", c.Name, raw)
		typed := landed != "" && c.Type != contract.Text
		if typed && landed != "TIMESTAMP WITH TIME ZONE" {
			cast := c.Name
			if c.Default != "" {
				cast = fmt.Sprintf("TRY_CAST(%s AS %s)", raw, c.Type)
			}
			when(given(raw, landed)+" AND "+cast+" IS NULL", contract.ReasonBad+c.Name, quoted+"is not "+string(c.Type)+"'")
		}
		if typed && strings.HasPrefix(string(c.Type), "DECIMAL") {
			if bent := bentSQL(raw, landed, c); bent != "" {
				when(bent, contract.ReasonBad+c.Name, quoted+"has more digits than "+string(c.Type)+" holds; round it in the mapping'")
			}
		}
		if typed && (c.Type == contract.Instant || c.Type == contract.Date) {
			instead := "NULL"
			if c.Required {
				instead = "leave such rows out"
			}
			when(outsideSQL(t, c), contract.ReasonBad+c.Name, fmt.Sprintf("%sis not between %s and %s, so it stands for no date: map the true one, or %s'", quoted, t.Earliest(c.Name), contract.Latest, instead))
		}
		if c.Required {
			when(c.Name+" IS NULL", contract.ReasonMissing+c.Name, fmt.Sprintf("'%s is required'", c.Name))
		}
	}
	return out
}

// outsideSQL tells whether a time or day stands for no date. Days are compared as days: the
// session's time zone has no part in them.
func outsideSQL(t contract.Table, c contract.Column) string {
	if c.Type == contract.Date {
		return fmt.Sprintf("%[1]s < DATE '%[2]s' OR %[1]s >= DATE '%[3]s'", c.Name, t.Earliest(c.Name), contract.Latest)
	}
	return fmt.Sprintf("%[1]s < TIMESTAMPTZ '%[2]s 00:00:00+00' OR %[1]s >= TIMESTAMPTZ '%[3]s 00:00:00+00'", c.Name, t.Earliest(c.Name), contract.Latest)
}

// given tells whether a landed value is there at all.
func given(raw, landed string) string {
	if landed != "VARCHAR" {
		return raw + " IS NOT NULL"
	}
	return fmt.Sprintf("nullif(%s, '') IS NOT NULL", raw)
}

// bentSQL tells whether a landed number has more digits than a decimal column holds; ""
// when its type cannot. Of a binary number, digits behind the tenth are noise.
func bentSQL(raw, landed string, c contract.Column) string {
	var wide, narrow source.Column
	switch wide, narrow = source.ColumnOf("", landed), source.ColumnOf("", string(c.Type)); {
	case wide.Kind == source.Decimal && wide.Scale <= narrow.Scale, strings.HasSuffix(landed, "INT"), strings.HasSuffix(landed, "INTEGER"):
		return ""
	case wide.Kind == source.Decimal:
		return fmt.Sprintf("TRY_CAST(%s AS DECIMAL(38, %d)) <> TRY_CAST(%s AS DECIMAL(38, %d))", raw, wide.Scale, c.Name, wide.Scale)
	case landed == "VARCHAR":
		return fmt.Sprintf("(TRY_CAST(%[1]s AS DECIMAL(38, 23)) <> %[2]s OR %[2]s IS NOT NULL AND regexp_matches(%[1]s, '[.][0-9]{22,}[1-9]'))", raw, c.Name)
	}
	return fmt.Sprintf("TRY_CAST(%s AS DECIMAL(38, 10)) <> %s", raw, c.Name)
}
