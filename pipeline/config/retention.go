package config

// Retention says how much of the past is kept. 0 means all of it.
type Retention struct {
	Nights         int `yaml:"nights" range:"0..100000"`          // as-of days whose published tables are kept whole
	Snapshots      int `yaml:"snapshots" range:"0..100000"`       // cutoffs, besides those that models learn from
	Models         int `yaml:"models" range:"0..100000"`          // trainings of each task, besides models that serve
	QuarantineDays int `yaml:"quarantine_days" range:"0..100000"` // since the rows were refused
	LakeDays       int `yaml:"lake_days" range:"0..100000"`       // since the rows happened
}

// defaultRetention keeps a year and a month of nights, so that every day can be compared
// with the same day a year before, and the lake for good.
func defaultRetention() Retention { return Retention{Nights: 400, Snapshots: 400, Models: 100} }

// Sees is how many days of the lake a night looks back upon: the oldest snapshot that it
// learns from, the history before that one, and what is asked of the first of all.
func (h History) Sees() int {
	return h.LookbackDays + h.HorizonDays + h.MinDays + 31*(h.MaxCutoffs+1)
}

// checkRetention refuses to let go of what the nights look back upon, or of what the next
// comparison with a database would bring back.
func (d *decoder) checkRetention(c *Config) {
	days := c.Retention.LakeDays
	if days == 0 || d.failed["retention.lake_days"] {
		return
	}
	if sees := c.History.Sees(); days < sees {
		d.failAt("retention.lake_days", "%d days are fewer than a night looks back upon; expected 0 (keep all) or at least %d: history.lookback_days + horizon_days + min_days + 31 for each of max_cutoffs and one more", days, sees)
		return
	}
	for _, s := range c.Sources {
		for _, t := range s.Tables {
			if (s.Type == TypePostgres || s.Type == TypeMySQL) && t.Verify > 0 {
				d.failAt("retention.lake_days", "table %s of source %s is compared with its database every %d days, which would bring back what was let go; expected 0 (keep all), or verify: 0 for every table of a database", t.Name, s.Name, t.Verify)
				return
			}
		}
	}
}
