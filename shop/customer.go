package shop

import "math"

const (
	never    = math.MaxUint16 // a day that does not come
	nobody   = -1
	pendings = 4 // follow-ups that a customer can have under way

	meanOrdersPerYear = 12.0
	rateShape         = 1.1 // Gamma shape of purchase rates
	meanHazard        = 1 / 470.0
	hazardShape       = 1.4 // Gamma shape of drop-out hazards
	foundingShare     = 0.35
	foundedDays       = 365

	// angry and flooded are the factors of an unsettled complaint and of the
	// most intense mailing on the hazard of leaving.
	angry   = 7.0
	flooded = 2.8
	// eager is the factor of an interest in a new category on visits.
	eager = 1.4
)

// gate is what the daily sweep looks at for every customer: 24 bytes, so
// that days on which nothing happens cost next to nothing.
type gate struct {
	key  uint64 // of the customer's random numbers
	act  uint32 // threshold for "may do something today", of 2^32
	quit uint32 // threshold for "may decide to leave today"
	join uint16 // first day; 0 also for customers from before the start
	due  uint16 // first day with something under way; never: nothing
}

// followUp is something that a customer's past has still to bring: the return
// of a line, a complaint, its settlement or its being given up, a review.
type followUp struct {
	amount       uint32 // value of a return, 1/10,000
	due          uint16
	orderDay     uint16
	orderNo      uint16
	complaintDay uint16
	complaintSeq uint16
	product      uint16
	quantity     uint8
	what         task
}

// task is the kind of a followUp.
type task uint8

const (
	nothing task = iota
	sendBack
	complain
	settle
	giveUp
	judge
)

// customer is one customer's whole state; its size is what memory grows by.
type customer struct {
	pending   [pendings]followUp
	orderRate float32 // per day, before seasons
	visitRate float32 // per day, visits without an order
	curious   float32 // per day, chance to become interested in a new category
	hazard    float32 // per day, of deciding to leave
	busiest   float32 // upper bound of all events per day
	seasonAmp float32 // 0 to 1
	reach     float32 // how likely mails are opened, 0 to 1
	thrift    float32 // chance to use a coupon
	inStore   float32 // share of orders in the store
	seasonDay uint16  // day of the year of the customer's own peak
	joined    int16   // day; negative: before the start
	fade      uint16  // day of the decision to leave; never: stays
	left      uint16  // first day after the last possible activity
	lastOrder uint16  // never: none yet
	curiosity uint16  // last day of the interest in wanted; never: until bought
	owned     uint32  // categories known to the customer, a bit each
	wanted    int8    // category of interest, or nobody
	tier      uint8
	archetype uint8
	unsettled uint8 // complaints that make the customer angry now
	reason    reason
	taste     [maxCategories]uint8 // weights, strongest 255
}

// reason is why a customer left.
type reason uint8

const (
	stayed reason = iota
	drifted
	dissatisfied
	pestered
)

var reasonNames = [...]string{"", "drifted", "complaint", "over_contacted"}

// born draws customer i. scale is the factor that meets Config.Orders.
func (s *Shop) born(i int, scale float64) (gate, customer) {
	d := s.dice
	g := gate{key: hash(forCustomer, s.cfg.Seed, uint64(i)), due: never}
	d.seed(g.key, forCustomer)
	c := customer{fade: never, left: never, lastOrder: never, curiosity: never, wanted: nobody}
	c.joined = s.joinDay()
	g.join = uint16(max(c.joined, 0))

	own := d.gamma(rateShape) / rateShape
	perDay := scale * meanOrdersPerYear / 365
	c.orderRate = float32(min(own*perDay+.0008*scale, maxOrdersADay*4))
	c.visitRate = float32((.5*own + .5) * (.5 + d.gamma(2)/4) * 1.5 * perDay)
	c.curious = float32((.4 + .6*math.Sqrt(own)) * (.3 + .7*d.gamma(2)/2) / 80)
	c.hazard = float32(meanHazard * (.15 + .85*d.gamma(hazardShape)/hazardShape))
	c.seasonAmp = float32(.7 * d.Float64() * d.Float64())
	c.seasonDay = uint16(d.IntN(yearDays))
	c.reach = float32(.05 + .6*d.Float64()*d.Float64())
	c.thrift = float32(.03 + .4*d.Float64()*d.Float64())
	if d.chance(.35) {
		c.inStore = float32(.6 * d.Float64())
	}
	c.tier = uint8(d.pick([]float64{.35, .45, .2}))
	s.drawTaste(&c)
	c.busiest = c.visitRate*eager + c.curious + c.orderRate*float32(s.calendar.busiest)*(1+c.seasonAmp)
	g.act = threshold(-math.Expm1(-float64(c.busiest)))
	g.quit = c.quitThreshold()
	if c.joined >= 0 {
		g.due = uint16(c.joined)
	}
	return g, c
}

// joinDay draws the day a customer joins: some are there before the start,
// the others join evenly over the shop's time.
func (s *Shop) joinDay() int16 {
	if s.dice.chance(foundingShare) {
		return int16(-1 - s.dice.IntN(foundedDays))
	}
	return int16(s.dice.IntN(s.days))
}

// drawTaste draws the archetype, the taste around it (Dirichlet) and the
// categories that the customer knows from the start.
func (s *Shop) drawTaste(c *customer) {
	d := s.dice
	c.archetype = uint8(d.pick(s.goods.likes))
	var w [maxCategories]float64
	top := 0.0
	for k, mean := range s.goods.taste[c.archetype] {
		w[k] = d.gamma(7 * mean)
		top = max(top, w[k])
	}
	for k := range s.goods.names {
		c.taste[k] = uint8(max(1, math.Round(255*w[k]/top)))
	}
	known := d.between(1, 3)
	if c.joined < 0 {
		known++
	}
	for range known {
		k := s.newCategory(c, 0)
		c.owned |= 1 << k
	}
}

// newCategory draws a category by taste that the customer does not know yet,
// by season too if day is one of the year's days (1-366). There always is
// one as long as the customer knows fewer than four.
func (s *Shop) newCategory(c *customer, yearDay int) int {
	var w [maxCategories]float64
	for k := range s.goods.names {
		if c.owned>>k&1 == 1 {
			continue
		}
		w[k] = float64(c.taste[k])
		if yearDay > 0 {
			w[k] *= s.goods.season[k][yearDay-1]
		}
	}
	return s.dice.pick(w[:len(s.goods.names)])
}

// quitThreshold is an upper bound of today's chance to decide to leave.
func (c *customer) quitThreshold() uint32 {
	if c.fade != never {
		return 0
	}
	return threshold(float64(c.hazard) * c.anger() * flooded)
}

func (c *customer) anger() float64 {
	if c.unsettled > 0 {
		return angry
	}
	return 1
}

// threshold turns a chance into the share of 32 random bits.
func threshold(p float64) uint32 {
	return uint32(min(p*(1<<32), math.MaxUint32))
}

// nextDue is the first day on which something under way falls due.
func (c *customer) nextDue() uint16 {
	due := c.curiosity
	for i := range c.pending {
		if c.pending[i].what != nothing {
			due = min(due, c.pending[i].due)
		}
	}
	if c.fade != never {
		due = min(due, c.left)
	}
	return due
}

// plan puts f under way if there is room; if not, it does not happen.
func (c *customer) plan(f followUp) bool {
	for i := range c.pending {
		if c.pending[i].what == nothing {
			c.pending[i] = f
			return true
		}
	}
	return false
}
