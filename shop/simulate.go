package shop

import "math"

// actor is one customer on one day, while it acts.
type actor struct {
	*customer
	gate  *gate
	no    int // the customer's number
	today *today
	out   sink
	seq   int // interactions so far today
	buys  int // orders so far today
	err   error
}

// liveDay lets every customer live through a day, in the order of their
// numbers, and gives what they do to out.
func (s *Shop) liveDay(no int, out sink) error {
	t := s.day(no)
	for i := range s.gates {
		g := &s.gates[i]
		if no < int(g.join) {
			continue
		}
		h := mix(g.key ^ t.hash)
		acts, quits := uint32(h) < g.act, uint32(h>>32) < g.quit
		mailed := t.campaign != nil && s.mailed(i, &t)
		if !acts && !quits && !mailed && no < int(g.due) {
			continue
		}
		s.dice.seed(h, t.hash)
		a := actor{customer: &s.customers[i], gate: g, no: i, today: &t, out: out}
		s.live(&a, acts, quits, mailed)
		if a.err != nil {
			return a.err
		}
	}
	return nil
}

// live is one customer's day.
func (s *Shop) live(a *actor, acts, quits, mailed bool) {
	day := a.today.no
	if day == int(a.left) {
		a.gate.act = 0
	}
	if day == int(a.joined) && s.dice.chance(.9) {
		s.orderVisit(a, noCampaign) // most customers join by buying
	}
	if acts && day < int(a.left) {
		s.act(a)
	}
	if mailed {
		s.getMail(a)
	}
	if day >= int(a.gate.due) {
		s.followUps(a)
		s.endInterest(a)
	}
	if quits {
		s.maybeQuit(a)
	}
	a.gate.due = a.nextDue()
	if day >= int(a.left) {
		a.gate.due = a.nextDueAfterLeaving()
	}
	a.gate.quit = a.quitThreshold()
}

// vigour is the share of its normal activity that a customer shows today: it
// fades from the decision to leave until it has left.
func (a *actor) vigour() float64 {
	day := a.today.no
	switch {
	case day >= int(a.left):
		return 0
	case a.fade == never || day < int(a.fade):
		return 1
	}
	gone := float64(day-int(a.fade)) / float64(a.left-a.fade)
	return .65 - .5*gone
}

// act draws what the customer does of its own accord: the events of a
// Poisson process at the highest possible rate, thinned to today's rates.
func (s *Shop) act(a *actor) {
	d := s.dice
	n := d.poissonOnceMore(float64(a.busiest))
	vigour := a.vigour()
	awake := vigour * lull(a.gate.key, a.today)
	away := 2 * math.Pi * float64(a.today.yearDay-1-int(a.seasonDay)) / yearDays
	buy := float64(a.orderRate) * a.today.orders * (1 + float64(a.seasonAmp)*math.Cos(away)) * math.Sqrt(awake)
	look := float64(a.visitRate) * awake
	if a.wanted != nobody {
		look *= eager
	}
	wonder := float64(a.curious) * vigour
	for range n {
		x := d.Float64() * float64(a.busiest)
		if x -= buy; x < 0 {
			s.orderVisit(a, noCampaign)
			continue
		}
		if x -= look; x < 0 {
			s.browse(a, none)
			continue
		}
		if x -= wonder; x < 0 {
			s.startInterest(a)
		}
	}
}

// maybeQuit turns the upper bound of the chance to quit into today's chance,
// which depends on how much the customer is mailed.
func (s *Shop) maybeQuit(a *actor) {
	if a.fade != never {
		return
	}
	pressure := contactOf(a.gate.key, a.today).hazard
	if !s.dice.chance(pressure / flooded) {
		return
	}
	length := s.dice.between(21, 70)
	if s.dice.chance(.3) {
		length = s.dice.between(1, 5) // some leave without a warning
	}
	a.fade = uint16(a.today.no)
	a.left = uint16(a.today.no + length)
	switch {
	case a.unsettled > 0:
		a.reason = dissatisfied
	case pressure >= flooded:
		a.reason = pestered
	default:
		a.reason = drifted
	}
}

// startInterest makes the customer look at a category that is new to it for
// two to six weeks.
func (s *Shop) startInterest(a *actor) {
	if a.wanted != nobody {
		return
	}
	k := s.newCategory(a.customer, a.today.yearDay)
	if k < 0 {
		return
	}
	a.wanted = int8(k)
	a.curiosity = uint16(a.today.no + s.dice.between(12, 40))
}

// endInterest decides what an interest came to: a first purchase, due with
// the next order, or nothing.
func (s *Shop) endInterest(a *actor) {
	if a.wanted == nobody || a.today.no < int(a.curiosity) {
		return
	}
	a.curiosity = never
	if s.dice.chance(.7) {
		a.owned |= 1 << a.wanted
		return
	}
	a.wanted = nobody
}

// ready says that the wanted category will be bought with the next order.
func (c *customer) ready() bool {
	return c.wanted != nobody && c.owned>>c.wanted&1 == 1
}

// nextDueAfterLeaving is nextDue without the day of leaving itself.
func (c *customer) nextDueAfterLeaving() uint16 {
	due := uint16(never)
	for i := range c.pending {
		if c.pending[i].what != nothing {
			due = min(due, c.pending[i].due)
		}
	}
	return due
}

// emit hands an interaction of today on, numbering it. It returns its number.
func (a *actor) emit(i interaction) int {
	a.seq++
	i.customer, i.day, i.seq = a.no, a.today.no, a.seq
	if a.err == nil {
		a.err = a.out.interaction(&i)
	}
	return a.seq
}

// blank is an interaction that refers to nothing.
func blank(k kind, c channel, at int64) interaction {
	return interaction{kind: k, channel: c, at: at, orderDay: none, product: none, category: none, answersDay: none}
}

// clock draws a moment of today, in Unix seconds: between 07:00 and 22:00,
// most often around 13:00 and 19:00. The last two hours of the day stay free
// for what follows on the same visit.
func (s *Shop) clock(a *actor) int64 {
	d := s.dice
	mean, spread := 13.0, 2.6
	if d.chance(.55) {
		mean, spread = 19, 1.5
	}
	hour := min(max(mean+spread*d.NormFloat64(), 7), 21.99)
	return a.today.midnight + int64(hour*3600)
}
