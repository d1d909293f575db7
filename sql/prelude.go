package sqlfiles

import (
	_ "embed" // for the prelude's text
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"text/template"
)

//go:embed prelude/duckdb.sql
var duckDBPrelude string

var preludeTemplate = template.Must(template.New("prelude/duckdb.sql").Option("missingkey=error").Parse(duckDBPrelude))

// Params is what the macros of a session depend on.
type Params struct {
	AsOf                   string  // the as-of day, YYYY-MM-DD
	TimeZone               string  // of the business, such as Europe/Berlin
	LookbackDays           int     // who counts as active; at least 1
	HorizonDays            int     // how far labels look; at least 1
	CrossSellCategoryLimit int     // how many categories are offered; at least 1
	DefaultMarginRate      float64 // share of revenue, 0 to 1, where no cost is known
	RiskHigh, RiskMedium   float64 // lower borders of the risk bands, 0 to 1
}

var (
	dayPattern  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	zonePattern = regexp.MustCompile(`^[A-Za-z0-9_+/-]+$`)
)

// Prelude writes the macros that all models use, as DuckDB statements. Parameters that
// would give SQL with another meaning are errors; see Params for the ranges.
func Prelude(p Params) (string, error) {
	if err := p.check(); err != nil {
		return "", fmt.Errorf("writing the prelude: %w", err)
	}
	var b strings.Builder
	err := preludeTemplate.Execute(&b, map[string]any{
		"AsOf":                   p.AsOf,
		"TimeZone":               p.TimeZone,
		"LookbackDays":           p.LookbackDays,
		"HorizonDays":            p.HorizonDays,
		"CrossSellCategoryLimit": p.CrossSellCategoryLimit,
		"DefaultMarginRate":      decimal(p.DefaultMarginRate),
		"RiskHigh":               decimal(p.RiskHigh),
		"RiskMedium":             decimal(p.RiskMedium),
	})
	if err != nil {
		return "", fmt.Errorf("writing the prelude: %w", err)
	}
	return b.String(), nil
}

func (p Params) check() error {
	if !dayPattern.MatchString(p.AsOf) {
		return fmt.Errorf("as-of day must be YYYY-MM-DD, got %q", p.AsOf)
	}
	if !zonePattern.MatchString(p.TimeZone) {
		return fmt.Errorf("time zone must be a name such as Europe/Berlin, got %q", p.TimeZone)
	}
	for _, n := range []struct {
		what  string
		value int
	}{{"lookback days", p.LookbackDays}, {"horizon days", p.HorizonDays}, {"cross-sell category limit", p.CrossSellCategoryLimit}} {
		if n.value < 1 {
			return fmt.Errorf("%s must be at least 1, got %d", n.what, n.value)
		}
	}
	for _, x := range []struct {
		what  string
		value float64
	}{{"default margin rate", p.DefaultMarginRate}, {"risk band high", p.RiskHigh}, {"risk band medium", p.RiskMedium}} {
		if math.IsNaN(x.value) || x.value < 0 || x.value > 1 {
			return fmt.Errorf("%s must be from 0 to 1, got %v", x.what, x.value)
		}
	}
	return nil
}

// decimal writes a number without an exponent.
func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
