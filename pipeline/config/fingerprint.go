package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
)

// Fingerprint is the SHA-256, in hex, of every setting that can change what a
// night computes or whether it is published. Left out are the places of files
// and databases (their content is tracked), the limits of a database, the schedule
// and the resources. It depends on values only: not on the order of keys or sources, on comments, on
// whether a default is written out, or on where a value comes from.
func (c *Config) Fingerprint() string {
	sorted := *c
	sorted.Sources = slices.Clone(c.Sources)
	slices.SortStableFunc(sorted.Sources, func(a, b Source) int { return cmp.Compare(a.Name, b.Name) })
	h := sha256.New()
	writeValue(h, "", reflect.ValueOf(sorted))
	return hex.EncodeToString(h.Sum(nil))
}

// writeValue writes v as lines path=value, where text is quoted.
func writeValue(w io.Writer, path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if k := keyField(v.Type()); k >= 0 {
			writeValue(w, path+".key", v.Field(k))
		}
		fs := fields(v.Type())
		slices.SortFunc(fs, func(a, b field) int { return cmp.Compare(a.key, b.key) })
		for _, f := range fs {
			value := v.FieldByIndex(f.index)
			if f.result == "no" || f.result == "set" && value.IsZero() {
				continue
			}
			writeValue(w, path+"."+f.key, value)
		}
	case reflect.Slice:
		fmt.Fprintf(w, "%s.count=%d\n", path, v.Len())
		for i := range v.Len() {
			writeValue(w, path+"["+strconv.Itoa(i)+"]", v.Index(i))
		}
	case reflect.String:
		fmt.Fprintf(w, "%s=%q\n", path, v.String())
	case reflect.Float64:
		fmt.Fprintf(w, "%s=%s\n", path, strconv.FormatFloat(v.Float(), 'g', -1, 64))
	case reflect.Int, reflect.Int64:
		fmt.Fprintf(w, "%s=%d\n", path, v.Int())
	case reflect.Bool:
		fmt.Fprintf(w, "%s=%t\n", path, v.Bool())
	default:
		panic("config: no fingerprint for " + v.Type().String()) // a new kind of key: a test reaches this
	}
}
