package lake

import (
	"context"
	"fmt"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// judge makes the table judged: every landed row with its contract columns cast and
// its extra columns as they came (names that begin with _ are mainstay's own), plus
//
//	_reason, _detail, _landed  why it is refused, and the row as it landed (JSON);
//	                           NULL for a good row
//	_day                       event day (UTC)
//	_copy                      its number among the rows of its input that equal it in
//	                           every column, from 1; NULL for a refused row
func (in *ingest) judge(ctx context.Context, landings []Landing) error {
	if err := in.sess.Exec(ctx, "CREATE TEMP VIEW landed AS "+landedSQL(landings, in.t.Name)); err != nil {
		return err
	}
	cols, err := in.sess.Columns(ctx, "SELECT * FROM landed")
	if err != nil {
		return err
	}
	if err := required(in.t, cols); err != nil {
		return err
	}
	return in.sess.Exec(ctx, judgeSQL(in.t, cols))
}

// required refuses a mapping that gives a required column for no row at all: that is a
// mistake in the mapping (or a wrong delimiter), not in the rows.
func required(t contract.Table, landed []duck.Column) error {
	has, names := map[string]bool{}, []string{}
	for _, c := range landed {
		has[strings.ToLower(c.Name)] = true
		if !strings.HasPrefix(c.Name, "_") {
			names = append(names, c.Name)
		}
	}
	for _, c := range t.Columns {
		if c.Required && !has[c.Name] && (c.Default == "" || !has[c.Default]) {
			return fmt.Errorf("the mapping (select of table %s in mainstay.yaml) gives no column %s, which is required; it gives %s. Is a name wrong, or the delimiter of the files?", t.Name, c.Name, strings.Join(names, ", "))
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

// judgeSQL writes the statement behind judge for landed columns. It keeps the landed
// values in a struct raw beside the cast ones until the reason is found.
func judgeSQL(t contract.Table, landed []duck.Column) string {
	has := map[string]bool{}
	var raw, typed, names []string
	for _, c := range landed {
		has[strings.ToLower(c.Name)] = true // SQL does not tell cases apart
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
	all := strings.Join(names, ", ")
	return fmt.Sprintf(`CREATE TEMP TABLE judged AS
WITH typed AS (
    SELECT %[1]s, %[2]s, struct_pack(%[3]s) AS _raw, %[4]s FROM landed
), refused AS (
    SELECT *, CASE %[5]s END AS _why FROM typed
)
SELECT %[1]s, %[2]s, %[6]s, _why.reason AS _reason, _why.detail AS _detail,
    CASE WHEN _why IS NOT NULL THEN CAST(to_json(_raw) AS VARCHAR) END AS _landed,
    CAST(timezone('UTC', %[7]s) AS DATE) AS _day,
    CASE WHEN _why IS NULL THEN row_number() OVER (PARTITION BY _why IS NULL, %[1]s, %[8]s, hash(%[6]s) ORDER BY %[2]s) END AS _copy
FROM refused`,
		contract.ColInput, contract.ColRow, strings.Join(raw, ", "), strings.Join(typed, ",\n        "),
		strings.Join(refusals(t, has), "\n        "), all, t.EventTime, strings.Join(t.Key, ", "))
}

// castSQL writes how a landed column becomes a contract column; texts that are empty
// count as missing.
func castSQL(c contract.Column, has map[string]bool) string {
	value := fmt.Sprintf("CAST(NULL AS %s)", c.Type)
	switch {
	case has[c.Name] && c.Type == contract.Text:
		value = textOf(c.Name)
	case has[c.Name]:
		value = fmt.Sprintf("TRY_CAST(%s AS %s)", duck.Ident(c.Name), c.Type)
	}
	if c.Default == "" {
		return value
	}
	def := c.Default
	if has[def] {
		def = textOf(def)
	}
	return fmt.Sprintf("coalesce(%s, %s)", value, def)
}

func textOf(col string) string {
	return fmt.Sprintf("nullif(CAST(%s AS VARCHAR), '')", duck.Ident(col))
}

// refusals are the WHEN branches that find why a row is refused, in the order of
// contract.Table.Reasons without malformed records. A value that is not of the
// column's type, or has more digits than the type holds and would be bent, is bad.
func refusals(t contract.Table, has map[string]bool) []string {
	var out []string
	when := func(cond, reason, detail string) {
		out = append(out, fmt.Sprintf("WHEN %s THEN {'reason': '%s', 'detail': %s}", cond, reason, detail))
	}
	for _, c := range t.Columns {
		raw := "_raw." + duck.Ident(c.Name)
		text := fmt.Sprintf("nullif(CAST(%s AS VARCHAR), '')", raw)
		quoted := fmt.Sprintf("'%s: \"' || left(%s, 100) || '\" ", c.Name, text)
		typed := has[c.Name] && c.Type != contract.Text
		if typed && c.Default == "" {
			when(fmt.Sprintf("%s IS NOT NULL AND %s IS NULL", text, c.Name), contract.ReasonBad+c.Name, quoted+"is not "+string(c.Type)+"'")
		} else if typed {
			when(fmt.Sprintf("%s IS NOT NULL AND TRY_CAST(%s AS %s) IS NULL", text, raw, c.Type), contract.ReasonBad+c.Name, quoted+"is not "+string(c.Type)+"'")
		}
		if typed && strings.HasPrefix(string(c.Type), "DECIMAL") {
			when(fmt.Sprintf("TRY_CAST(%s AS DECIMAL(38, 10)) <> %s", raw, c.Name), contract.ReasonBad+c.Name,
				quoted+"has more digits than "+string(c.Type)+" holds; round it in the mapping'")
		}
		if typed && c.Type == contract.Instant {
			when(fmt.Sprintf("%[1]s < TIMESTAMPTZ '%[2]s' OR %[1]s >= TIMESTAMPTZ '%[3]s'", c.Name, contract.EarliestInstant, contract.LatestInstant), contract.ReasonBad+c.Name,
				quoted+"is not between "+contract.EarliestInstant[:4]+" and "+contract.LatestInstant[:4]+"'")
		}
		if c.Required {
			when(c.Name+" IS NULL", contract.ReasonMissing+c.Name, fmt.Sprintf("'%s is required'", c.Name))
		}
	}
	return out
}
