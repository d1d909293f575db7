package shop

// noCampaign is the category of no campaign.
const noCampaign = none

// orderVisit is a visit that ends in an order.
func (s *Shop) orderVisit(a *actor, offered int) {
	d := s.dice
	at := s.clock(a)
	if d.chance(float64(a.inStore)) {
		a.emit(blank(storeVisit, store, at))
		s.order(a, at+900, store, offered)
		return
	}
	where := s.medium()
	a.emit(blank(visit, where, at))
	s.order(a, at+600, where, offered)
}

// medium is where a customer is online.
func (s *Shop) medium() channel {
	if s.dice.chance(.38) {
		return app
	}
	return web
}

// order writes one order and plans what may follow from it.
func (s *Shop) order(a *actor, at int64, where channel, offered int) {
	d := s.dice
	if a.today.no >= int(a.left) {
		return
	}
	a.buys++
	lines := 1
	for lines < 8 && d.chance(.52) {
		lines++
	}
	percent := int64(0)
	if offered != noCampaign && d.chance(.6) || d.chance(float64(a.thrift)*.6) {
		percent = int64(5 * d.between(1, 4))
	}
	saved := int64(0)
	for line := 1; line <= lines; line++ {
		l := s.line(a, line, percent, offered)
		l.number, l.line, l.at = a.buys, line, at
		saved += l.discount
		s.browseForLine(a, &l, where)
		if a.err == nil {
			a.err = a.out.order(&l)
		}
		s.planReturn(a, &l)
	}
	if saved > 0 {
		c := blank(couponUsed, where, at)
		c.orderDay, c.orderNo, c.amount = a.today.no, a.buys, saved
		if a.today.campaign != nil {
			c.campaign = a.today.campaign.id
		}
		a.emit(c)
	}
	a.lastOrder = uint16(a.today.no)
	s.planComplaint(a)
	s.planReview(a)
}

// line draws what is bought: the new category first if the customer is ready
// for it, else by taste and season among the categories that it knows.
func (s *Shop) line(a *actor, line int, percent int64, offered int) orderLine {
	d := s.dice
	category := offered
	switch {
	case line == 1 && a.ready():
		category = int(a.wanted)
		a.wanted = nobody
	case line > 1 || offered == noCampaign || a.owned>>offered&1 == 0:
		category = s.knownCategory(a)
	}
	p := s.goods.pickProduct(d, category, a.tier)
	quantity := int64(1)
	for quantity < 12 && d.chance(.3) {
		quantity++
	}
	price := s.priceOn(p, a.today)
	cut := quantity * price * percent / 100
	return orderLine{
		customer: a.no, day: a.today.no, product: p, quantity: quantity, price: price,
		discount: (cut + 50) / 100 * 100, cost: s.goods.products[p].cost,
	}
}

// priceOn is a product's price today, in whole cents: 3 % up each year.
func (s *Shop) priceOn(product int, t *today) int64 {
	p := s.goods.products[product].price
	for range t.no / 365 {
		p += p * 3 / 100
	}
	return p / 100 * 100
}

// knownCategory draws a category to buy from. Once in a while something is
// bought out of the blue.
func (s *Shop) knownCategory(a *actor) int {
	var w [maxCategories]float64
	for k := range s.goods.names {
		w[k] = float64(a.taste[k]) * s.goods.season[k][a.today.yearDay-1]
		if a.owned>>k&1 == 0 {
			w[k] *= .03
		}
	}
	return s.dice.pick(w[:len(s.goods.names)])
}

// browseForLine writes the looking around that led to a line bought online.
func (s *Shop) browseForLine(a *actor, l *orderLine, where channel) {
	if where == store || !s.dice.chance(.5) {
		return
	}
	p := l.product
	v := blank(view, where, l.at-400+int64(l.line)*30)
	v.product, v.category = p, int(s.goods.products[p].category)
	a.emit(v)
	if s.dice.chance(.5) {
		v.kind, v.quantity, v.at = cart, l.quantity, v.at+10
		a.emit(v)
	}
}

// planReturn may send a line back 3 to 25 days later, the whole of it or one
// unit.
func (s *Shop) planReturn(a *actor, l *orderLine) {
	d := s.dice
	if !d.chance(goods[s.goods.products[l.product].category].returned) {
		return
	}
	q := l.quantity
	if q > 1 && d.chance(.5) {
		q = 1
	}
	amount := (l.quantity*l.price - l.discount) * q / l.quantity / 100 * 100
	a.plan(followUp{
		what: sendBack, due: uint16(a.today.no + d.between(3, 25)), orderDay: uint16(a.today.no), orderNo: uint16(l.number),
		product: uint16(l.product), quantity: uint8(q), amount: uint32(amount),
	})
}

// planComplaint may bring a complaint 2 to 9 days after an order.
func (s *Shop) planComplaint(a *actor) {
	if s.dice.chance(.05) {
		a.plan(followUp{what: complain, due: uint16(a.today.no + s.dice.between(2, 9)), orderDay: uint16(a.today.no), orderNo: uint16(a.buys)})
	}
}

// planReview may bring a review 5 to 20 days after an order.
func (s *Shop) planReview(a *actor) {
	if s.dice.chance(.1) {
		a.plan(followUp{what: judge, due: uint16(a.today.no + s.dice.between(5, 20)), orderDay: uint16(a.today.no), orderNo: uint16(a.buys)})
	}
}

// followUps brings what is due today of the customer's past.
func (s *Shop) followUps(a *actor) {
	for i := range a.pending {
		f := &a.pending[i]
		if f.what == nothing || a.today.no < int(f.due) {
			continue
		}
		switch f.what {
		case sendBack:
			s.sendBack(a, f)
		case complain:
			s.complain(a, f)
			continue
		case settle:
			s.settle(a, f)
		case giveUp:
			a.unsettled--
		case judge:
			s.judge(a, f)
		}
		*f = followUp{}
	}
}

func (s *Shop) sendBack(a *actor, f *followUp) {
	r := blank(returned, web, s.clock(a))
	r.orderDay, r.orderNo = int(f.orderDay), int(f.orderNo)
	r.product, r.category = int(f.product), int(s.goods.products[f.product].category)
	r.quantity, r.amount = int64(f.quantity), int64(f.amount)
	a.emit(r)
}

// complain writes the complaint and turns f into what comes of it: two of
// three are settled within two weeks, the others anger the customer until it
// gives up after 75 days.
func (s *Shop) complain(a *actor, f *followUp) {
	c := blank(complaint, s.helpdesk(), s.clock(a))
	c.orderDay, c.orderNo = int(f.orderDay), int(f.orderNo)
	f.complaintDay, f.complaintSeq = uint16(a.today.no), uint16(a.emit(c))
	a.unsettled++
	f.what, f.due = settle, uint16(a.today.no+s.dice.between(1, 14))
	if s.dice.chance(.35) {
		f.what, f.due = giveUp, uint16(a.today.no+75)
	}
}

func (s *Shop) settle(a *actor, f *followUp) {
	a.unsettled--
	r := blank(complaintResolved, s.helpdesk(), s.clock(a))
	r.orderDay, r.orderNo = int(f.orderDay), int(f.orderNo)
	r.answersDay, r.answersSeq = int(f.complaintDay), int(f.complaintSeq)
	a.emit(r)
}

// judge writes a review; who is angry or about to leave is harsh.
func (s *Shop) judge(a *actor, f *followUp) {
	d := s.dice
	stars := d.pick([]float64{.03, .05, .12, .33, .47}) + 1
	if (a.unsettled > 0 || a.fade != never) && d.chance(.6) {
		stars = d.between(1, 3)
	}
	r := blank(review, web, s.clock(a))
	r.orderDay, r.orderNo, r.rating = int(f.orderDay), int(f.orderNo), stars
	a.emit(r)
}

// helpdesk is how customers and the shop talk about a problem.
func (s *Shop) helpdesk() channel {
	if s.dice.chance(.4) {
		return phone
	}
	return mail
}
