package postgres

import (
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// Numbers of the types that are read without a cast (pg_type.oid, fixed for these).
const (
	oidBool        = 16
	oidBytea       = 17
	oidChar        = 18
	oidName        = 19
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidText        = 25
	oidOid         = 26
	oidJSON        = 114
	oidFloat4      = 700
	oidFloat8      = 701
	oidVarchar     = 1043
	oidDate        = 1082
	oidTimestamp   = 1114
	oidTimestamptz = 1184
	oidNumeric     = 1700
	oidUUID        = 2950
	oidJSONB       = 3802
)

// What Field.Detail says.
const (
	isEnum  = "enum"    // values come as their labels
	recoded = "recoded" // the server keeps text in an encoding that it turns into UTF-8
)

// field maps a column's type. What has no kind of its own is cast to text by the
// server. That goes for bpchar too, whose padding is no part of its value: the cast
// takes it off, as every comparison on the server does.
func field(name string, oid uint32, mod int32, server, typtype string) relational.Field {
	f := relational.Field{Column: source.Column{Name: name}, Server: server, Code: oid, Mod: mod}
	switch oid {
	case oidInt2, oidInt4, oidInt8, oidOid:
		f.Kind = source.Int
	case oidBool:
		f.Kind = source.Bool
	case oidFloat4, oidFloat8:
		f.Kind = source.Float
	case oidBytea:
		f.Kind = source.Bytes
	case oidDate:
		f.Kind = source.Date
	case oidTimestamp:
		f.Kind = source.Timestamp
	case oidTimestamptz:
		f.Kind = source.Instant
	case oidNumeric:
		if p, s := precision(mod); mod >= 4 && p >= 1 && p <= 38 && s >= 0 && s <= p {
			// DuckDB writes numbers without a place before the point as .5, others as 0.5:
			// one place more and they are all written alike.
			if p == s {
				p++
			}
			if p <= 38 {
				f.Kind, f.Precision, f.Scale = source.Decimal, p, s
			}
		}
	default:
		if typtype == "e" {
			f.Detail = isEnum
		}
	}
	return f
}

// precision takes the modifier of a numeric apart. The scale has 11 bits and a sign.
func precision(mod int32) (p, s int) {
	mod -= 4
	return int(mod >> 16 & 0xffff), int(mod&0x7ff^0x400) - 0x400
}

// castToText tells which fields the server writes as text.
func castToText(f relational.Field) bool {
	if f.Kind != source.Text || strings.Contains(f.Detail, isEnum) {
		return false
	}
	switch f.Code {
	case oidText, oidVarchar, oidName, oidUUID, oidJSON, oidJSONB:
		return false
	}
	return true
}
