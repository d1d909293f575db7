package contract

// Unparsed stands for the table of a refused record that could not be taken apart, so that
// it never reached a table's mapping.
const Unparsed = "(unparsed)"

// RefusedPeople is SQL (DuckDB's) for the customers of a refused row of the quarantine, by
// the column that the mapping gave: a list, as a row may carry customer_id and CUSTOMER_ID.
// The text of other columns tells nothing.
const RefusedPeople = `CASE WHEN table_name = '` + Unparsed + `' OR coalesce("row", '') = '' THEN []::VARCHAR[]
    ELSE list_transform(list_filter(json_keys("row"), lambda k: lower(k) = 'customer_id'), lambda k: json_extract_string("row", '$."' || k || '"')) END`

// RefusedValues is SQL for the values of a refused record that could not be taken apart;
// an empty list for a refused row.
var RefusedValues = `CASE WHEN table_name = '` + Unparsed + `' THEN ` + RecordValues(`json_extract_string("row", '$.record')`) + ` ELSE []::VARCHAR[] END`

// RecordValues is SQL for what may be a value in a record that could not be taken apart:
// what stands between separators of any kind, and, for values of several words, between
// those of CSV and JSON.
func RecordValues(text string) string {
	return `list_concat(regexp_split_to_array(` + text + `, '[\s,;|"{}\[\]]+'), list_transform(regexp_split_to_array(` + text + `, '[\t,;|:{}\[\]]'), lambda v: trim(v, ' "')))`
}
