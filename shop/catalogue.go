package shop

import (
	"fmt"
	"math"
	"slices"
)

const (
	tiers      = 3
	archetypes = 5
	yearDays   = 366
)

// product is one thing the shop sells. Money is in 1/10,000.
type product struct {
	id, name string
	category uint8
	tier     uint8
	price    int64 // list price in the first year, whole cents
	cost     int64 // 0: not known
}

// catalogue is what the shop sells and how tastes hang together.
type catalogue struct {
	products []product
	names    []string // of categories
	// shelf holds the product numbers of a category and tier, best seller
	// first; never empty.
	shelf [][tiers][]int
	// season is the factor on a category's demand by day of the year.
	season [][yearDays]float64
	// taste is the mean taste of each archetype of customer, summing to 1.
	taste [archetypes][]float64
	// likes is how often each archetype occurs.
	likes []float64
}

func newCatalogue(cfg Config, d *dice) *catalogue {
	d.seed(hash(forCatalogue, cfg.Seed, 0), forCatalogue)
	c := &catalogue{shelf: make([][tiers][]int, cfg.Categories), season: make([][yearDays]float64, cfg.Categories)}
	for k := range cfg.Categories {
		c.names = append(c.names, goods[k].name)
		for day := range yearDays {
			away := math.Abs(float64(day) - goods[k].peak)
			away = math.Min(away, yearDays-away) / goods[k].width
			c.season[k][day] = 1 + goods[k].boost*math.Exp(-away*away/2)
		}
	}
	for i := range cfg.Products {
		p := newProduct(i, i%cfg.Categories, d)
		c.products = append(c.products, p)
		c.shelf[p.category][p.tier] = append(c.shelf[p.category][p.tier], i)
	}
	for k := range c.shelf {
		c.fillShelves(k)
	}
	c.drawArchetypes(d)
	return c
}

// newProduct draws the product of number i.
func newProduct(i, category int, d *dice) product {
	g := goods[category]
	tier := d.pick([]float64{.4, .4, .2})
	price := g.price * []float64{.55, 1, 2.1}[tier] * math.Exp(.35*d.NormFloat64())
	cents := max(int64(price*100)/50*50+45, 95) // shops like 4.95 and 7.45
	p := product{
		id:       fmt.Sprintf("P%05d", i+1),
		name:     looks[d.IntN(len(looks))] + " " + g.nouns[d.IntN(len(g.nouns))],
		category: uint8(category), tier: uint8(tier),
		price: cents * 100,
	}
	if !d.chance(.03) { // the buyers forgot to enter a cost
		p.cost = int64(float64(cents)*(.42+.3*d.Float64())) * 100
	}
	return p
}

// fillShelves lends the products of the nearest tier to empty shelves.
func (c *catalogue) fillShelves(k int) {
	for _, order := range [tiers][]int{{0, 1, 2}, {1, 0, 2}, {2, 1, 0}} {
		own := order[0]
		for _, t := range order {
			if len(c.shelf[k][own]) == 0 && len(c.shelf[k][t]) > 0 {
				c.shelf[k][own] = slices.Clone(c.shelf[k][t])
			}
		}
	}
}

// drawArchetypes gives each archetype four categories that it is after, so
// that who buys one of them is likely to buy the others.
func (c *catalogue) drawArchetypes(d *dice) {
	n := len(c.names)
	deal := d.Perm(n)
	for a := range c.taste {
		w := make([]float64, n)
		for k := range w {
			w[k] = .015
		}
		for j, share := range []float64{.34, .26, .2, .12} {
			w[deal[(a*3+j)%n]] += share
		}
		total := 0.0
		for _, x := range w {
			total += x
		}
		for k := range w {
			w[k] /= total
		}
		c.taste[a] = w
		c.likes = append(c.likes, .6+d.Float64())
	}
}

// pickProduct draws a product of a category for a customer of a price tier:
// mostly of its own tier, best sellers more often.
func (c *catalogue) pickProduct(d *dice, category int, tier uint8) int {
	t := int(tier)
	switch x := d.Float64(); {
	case x > .92:
		t = d.IntN(tiers)
	case x > .72:
		t = min(max(t+d.between(-1, 1), 0), tiers-1)
	}
	shelf := c.shelf[category][t]
	x := d.Float64()
	return shelf[int(x*x*float64(len(shelf)))]
}
