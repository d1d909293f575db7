package shop

import (
	"math"
	"strconv"
	"time"
)

// weekdays are factors on orders, Sunday first; their mean is 1.
var weekdays = [7]float64{1.18, 1.02, .9, .9, .95, 1.0, 1.05}

// calendar knows what is special about each day of the shop.
type calendar struct {
	start time.Time // UTC midnight of the first day's date
	loc   *time.Location
	// busiest is the highest factor that today.orders can have.
	busiest float64
}

// today is what a day brings to everyone.
type today struct {
	no       int // day number from the shop's start
	hash     uint64
	date     time.Time // UTC midnight of the date
	yearDay  int       // 1 to 366
	quarter  uint64    // counts quarters, for what changes by quarter
	orders   float64   // factor on order rates
	midnight int64     // Unix seconds; see stamp
	campaign *campaign
}

// campaign is one mailing to many customers.
type campaign struct {
	id       string
	category int     // what it offers
	share    float64 // factor on the chance that a customer gets it
	promoted bool    // a campaign with an offer, else the newsletter
	channel  channel
}

func newCalendar(cfg Config) (*calendar, error) {
	loc, err := time.LoadLocation(cfg.TimeZone)
	if err != nil {
		return nil, err
	}
	top := 0.0
	for _, f := range weekdays {
		top = max(top, f)
	}
	return &calendar{start: cfg.Start, loc: loc, busiest: top * maxShopSeason}, nil
}

const maxShopSeason = 1.4

// shopSeason is the factor of the time of the year on all orders: up to 1.4
// before Christmas, 0.85 after it.
func shopSeason(yearDay int) float64 {
	switch {
	case yearDay > 358 || yearDay < 25:
		return .85
	case yearDay > 318:
		return 1 + .4*float64(yearDay-318)/40
	}
	return 1
}

// day describes day no.
func (s *Shop) day(no int) today {
	date := s.calendar.start.AddDate(0, 0, no)
	y, m, _ := date.Date()
	t := today{
		no: no, date: date, yearDay: date.YearDay(),
		hash:     hash(forDay, s.cfg.Seed, uint64(no)),
		quarter:  uint64(y*4 + (int(m)-1)/3),
		midnight: s.stamps[no].midnight,
	}
	t.orders = weekdays[date.Weekday()] * shopSeason(t.yearDay)
	t.campaign = s.campaignOf(t)
	return t
}

// campaignOf is the mailing of a day: the newsletter on Tuesdays, an offer on
// Thursdays and, to those who are mailed most, on Saturdays. Offers favour
// categories in season.
func (s *Shop) campaignOf(t today) *campaign {
	c := &campaign{channel: mail, share: 1}
	year, week := t.date.ISOWeek()
	id := strconv.Itoa(year) + "-w" + strconv.Itoa(week)
	switch t.date.Weekday() {
	case time.Tuesday:
		c.id = id + "-newsletter"
	case time.Thursday, time.Saturday:
		c.promoted = true
		c.share = 1
		if t.date.Weekday() == time.Saturday {
			c.share, c.channel = .15, sms
		}
	default:
		return nil
	}
	s.dice.seed(hash(forCampaign, s.cfg.Seed, uint64(t.no)), forCampaign)
	w := make([]float64, len(s.goods.names))
	for k := range w {
		w[k] = math.Pow(s.goods.season[k][t.yearDay-1], 2)
	}
	c.category = s.dice.pick(w)
	if c.promoted {
		theme := themes[s.dice.IntN(len(themes))]
		c.id = id + "-" + slug(s.goods.names[c.category]) + "-" + theme
	}
	return c
}

// slug lower-cases a name and joins its words by dashes.
func slug(name string) string {
	var b []byte
	for _, r := range []byte(name) {
		switch {
		case r >= 'A' && r <= 'Z':
			b = append(b, r+'a'-'A')
		case r >= 'a' && r <= 'z':
			b = append(b, r)
		case r == ' ':
			b = append(b, '-')
		}
	}
	return string(b)
}

// contact is how intensely a customer is mailed in a quarter.
type contact struct {
	share  float64 // chance to get a mailing
	hazard float64 // factor on the hazard of leaving
}

// contacts are the intensities, with how often they occur.
var contacts = [...]struct {
	upTo float64
	contact
}{
	{.25, contact{.05, 1}}, {.74, contact{.13, 1}}, {.92, contact{.32, 1.2}}, {1, contact{.95, flooded}},
}

// contactOf is the customer's contact intensity in today's quarter.
func contactOf(key uint64, t *today) contact {
	x := unit(hash(forContactLevel, key, t.quarter))
	for _, c := range contacts {
		if x < c.upTo {
			return c.contact
		}
	}
	return contacts[0].contact
}

// lull is the factor on activity of a customer's quiet weeks (holidays, a
// move): one stretch of three to five weeks in some quarters, after which
// everything is as before. It keeps a fall in visits from saying for sure
// that a customer leaves.
func lull(key uint64, t *today) float64 {
	h := hash(forLull, key, t.quarter)
	if h&0xff > 55 { // 22 % of quarters
		return 1
	}
	first := int(h >> 8 & 0x3f) // day of the quarter, 0 to 63
	length := 21 + int(h>>16&0xf)
	into := quarterDay(t.date) - first
	if into >= 0 && into < length {
		return .2
	}
	return 1
}

// quarterDay counts days from the first of the quarter, from 0.
func quarterDay(date time.Time) int {
	y, m, _ := date.Date()
	first := time.Date(y, (m-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
	return daysBetween(first, date)
}
