package config

// Credit are the bands of the credit grade: the worse of two scales decides.
type Credit struct {
	DaysLate     DaysLate     `yaml:"days_late"`
	OverdueShare OverdueShare `yaml:"overdue_share"`
}

// DaysLate are the highest mean days late of the grades A to D; beyond D it is E.
type DaysLate struct {
	A float64 `yaml:"A" range:"0..3650"`
	B float64 `yaml:"B" range:"0..3650"`
	C float64 `yaml:"C" range:"0..3650"`
	D float64 `yaml:"D" range:"0..3650"`
}

// OverdueShare are the highest shares overdue of the grades A to D; beyond D it is E.
type OverdueShare struct {
	A float64 `yaml:"A" range:"0..1"`
	B float64 `yaml:"B" range:"0..1"`
	C float64 `yaml:"C" range:"0..1"`
	D float64 `yaml:"D" range:"0..1"`
}

// Bands are the borders from A to D.
func (d DaysLate) Bands() [4]float64 { return [4]float64{d.A, d.B, d.C, d.D} }

// Bands are the borders from A to D.
func (s OverdueShare) Bands() [4]float64 { return [4]float64{s.A, s.B, s.C, s.D} }

func defaultCredit() Credit {
	return Credit{DaysLate: DaysLate{A: 3, B: 10, C: 30, D: 60}, OverdueShare: OverdueShare{A: 0, B: 0.1, C: 0.25, D: 0.5}}
}

func (d *decoder) checkCredit(c Credit) {
	d.checkBands("mining.credit.days_late", c.DaysLate.Bands())
	d.checkBands("mining.credit.overdue_share", c.OverdueShare.Bands())
}

// checkBands refuses borders of which a grade would be empty.
func (d *decoder) checkBands(path string, b [4]float64) {
	for _, letter := range []string{"A", "B", "C", "D"} {
		if d.failed[path+"."+letter] {
			return // said already
		}
	}
	if b[0] >= b[1] || b[1] >= b[2] || b[2] >= b[3] {
		d.failAt(path, "A %g, B %g, C %g, D %g do not rise; expected A < B < C < D", b[0], b[1], b[2], b[3])
	}
}
