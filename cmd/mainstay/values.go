package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// text writes a value of a DuckDB type for people and CSV files, as DuckDB itself
// would where Go can; NULL is "". Nested values are JSON.
func text(v any, typ string) string {
	if v == nil {
		return ""
	}
	if typ != jsonType {
		switch x := v.(type) {
		case float64:
			return floatText(x, x)
		case float32:
			return floatText(float64(x), x)
		case string, bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, *big.Int:
			return fmt.Sprint(x)
		}
	}
	if s, ok := scalarText(v, typ); ok {
		return s
	}
	var b strings.Builder
	if err := jsonValue(&b, v, typ); err != nil {
		return fmt.Sprint(v)
	}
	return b.String()
}

// jsonType is the type of a column whose values the driver gives decoded.
const jsonType = "JSON"

// scalarText writes the values that have a text form in JSON, too.
func scalarText(v any, typ string) (string, bool) {
	switch x := v.(type) {
	case time.Time:
		return timeText(x, typ), true
	case []byte:
		if typ == "UUID" && len(x) == 16 {
			return fmt.Sprintf("%x-%x-%x-%x-%x", x[:4], x[4:6], x[6:8], x[8:10], x[10:]), true
		}
		return hex.EncodeToString(x), true
	case duck.Decimal:
		return x.String(), true
	case duck.Interval:
		return intervalText(x), true
	}
	return "", false
}

func timeText(t time.Time, typ string) string {
	switch typ {
	case "DATE":
		return t.Format(time.DateOnly)
	case "TIMESTAMPTZ":
		return t.UTC().Format("2006-01-02 15:04:05.999999Z07:00")
	case "TIME":
		return t.Format("15:04:05.999999")
	case "TIMETZ":
		return t.Format("15:04:05.999999Z07:00")
	}
	return t.Format("2006-01-02 15:04:05.999999999")
}

// floatText shows that a whole number is no integer; shown is x in its own precision.
func floatText(x float64, shown any) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprint(shown)
}

func intervalText(i duck.Interval) string {
	var parts []string
	for _, p := range []struct {
		n    int32
		unit string
	}{{i.Months / 12, "year"}, {i.Months % 12, "month"}, {i.Days, "day"}} {
		switch p.n {
		case 0:
		case 1, -1:
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.unit))
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", p.n, p.unit))
		}
	}
	if i.Micros != 0 || len(parts) == 0 {
		sign, us := "", i.Micros
		if us < 0 {
			sign, us = "-", -us
		}
		clock := fmt.Sprintf("%s%02d:%02d:%02d", sign, us/3600e6, us/60e6%60, us/1e6%60)
		if us %= 1e6; us > 0 {
			clock += strings.TrimRight(fmt.Sprintf(".%06d", us), "0")
		}
		parts = append(parts, clock)
	}
	return strings.Join(parts, " ")
}

// jsonValue writes a value as JSON: decimals stay exact numbers, structs keep the
// order of their fields, and what JSON has no form for (NaN, days, blobs) is text.
func jsonValue(b *strings.Builder, v any, typ string) error {
	switch x := v.(type) {
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return jsonText(b, fmt.Sprint(x))
		}
	case float32:
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return jsonText(b, fmt.Sprint(x))
		}
	case duck.Decimal:
		b.WriteString(x.String())
		return nil
	case []any:
		if typ != jsonType {
			return jsonList(b, x, typ)
		}
	case map[string]any:
		if typ != jsonType {
			return jsonStruct(b, x, typ)
		}
	case duck.Map:
		return jsonMap(b, x, typ)
	case duck.Union:
		return jsonValue(b, x.Value, memberTypes(typ)[x.Tag])
	}
	if s, ok := scalarText(v, typ); ok {
		return jsonText(b, s)
	}
	return jsonText(b, v)
}

// jsonText writes what encoding/json knows, without its escapes for HTML.
func jsonText(b *strings.Builder, v any) error {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.WriteString(strings.TrimSuffix(out.String(), "\n"))
	return nil
}

func jsonList(b *strings.Builder, list []any, typ string) error {
	elem := typ
	if i := strings.LastIndexByte(typ, '['); i >= 0 {
		elem = typ[:i]
	}
	for i, e := range list {
		b.WriteString([]string{"[", ","}[min(i, 1)])
		if err := jsonValue(b, e, elem); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		b.WriteByte('[')
	}
	b.WriteByte(']')
	return nil
}

func jsonStruct(b *strings.Builder, fields map[string]any, typ string) error {
	b.WriteByte('{')
	for i, m := range members(typ) {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := jsonText(b, m.name); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := jsonValue(b, fields[m.name], m.typ); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// jsonMap writes a MAP as an object, its keys as text.
func jsonMap(b *strings.Builder, m duck.Map, typ string) error {
	var keyType, valueType string
	if types := members(typ); len(types) == 2 {
		keyType, valueType = types[0].typ, types[1].typ
	}
	b.WriteByte('{')
	values := m.Values()
	for i, k := range m.Keys() {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := jsonText(b, text(k, keyType)); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := jsonValue(b, values[i], valueType); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// member is a part of a nested type; name is "" in a MAP.
type member struct{ name, typ string }

// members takes apart STRUCT("a" INTEGER, "b" VARCHAR), UNION(...) and MAP(K, V).
func members(typ string) []member {
	_, inner, ok := strings.Cut(typ, "(")
	if !ok || !strings.HasSuffix(inner, ")") {
		return nil
	}
	inner = strings.TrimSuffix(inner, ")") + ","
	var out []member
	var name, rest strings.Builder
	depth, quoted, last := 0, false, ' '
	for _, r := range inner {
		switch {
		case r == '"' && depth == 0:
			// A doubled quote ends the name and begins it again: the quote is in it.
			if quoted = !quoted; quoted && last == r {
				name.WriteRune(r)
			}
		case quoted && depth == 0:
			name.WriteRune(r)
		case r == '"' || quoted:
			quoted = quoted != (r == '"')
			rest.WriteRune(r)
		case r == ',' && depth == 0:
			out = append(out, member{name.String(), strings.TrimSpace(rest.String())})
			name.Reset()
			rest.Reset()
		default:
			depth += strings.Count("(", string(r)) - strings.Count(")", string(r))
			rest.WriteRune(r)
		}
		last = r
	}
	return out
}

func memberTypes(typ string) map[string]string {
	out := map[string]string{}
	for _, m := range members(typ) {
		out[m.name] = m.typ
	}
	return out
}
