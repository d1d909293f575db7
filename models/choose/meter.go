package choose

// Meter adds up the progress of several fits of different cost into one figure. A nil
// Meter may be used and does nothing.
type Meter struct {
	total  float64
	done   float64
	last   int
	report func(done, total int)
}

// steps of a meter.
const steps = 1000

// NewMeter reports in thousandths of total; report may be nil.
func NewMeter(total float64, report func(done, total int)) *Meter {
	if report == nil {
		return nil
	}
	return &Meter{total: total, report: report}
}

// Part is the progress function of a fit with this price; a later Part begins where this
// one ends.
func (m *Meter) Part(price float64) func(done, total int) {
	if m == nil {
		return func(int, int) {}
	}
	from := m.done
	m.done += price
	return func(done, total int) { m.at(from + price*float64(done)/float64(max(total, 1))) }
}

// Finish reports that all is done.
func (m *Meter) Finish() {
	if m != nil {
		m.at(m.total)
	}
}

func (m *Meter) at(done float64) {
	if at := min(int(steps*done/m.total), steps); at > m.last {
		m.last = at
		m.report(at, steps)
	}
}
