package shop

// stopMailing is how many days without an order end the mailings: the shop
// does not know who has left, only who has not bought for long.
const stopMailing = 270

// mailed says whether customer i is in today's mailing.
func (s *Shop) mailed(i int, t *today) bool {
	g := &s.gates[i]
	if unit(hash(forMailing, g.key, uint64(t.no))) >= contactOf(g.key, t).share*t.campaign.share {
		return false
	}
	c := &s.customers[i]
	since := int(c.joined)
	if c.lastOrder != never {
		since = int(c.lastOrder)
	}
	return t.no-since < stopMailing
}

// getMail writes today's mailing to the customer and what it does with it.
// Text messages are neither opened nor clicked.
func (s *Shop) getMail(a *actor) {
	d := s.dice
	m := a.today.campaign
	sent := blank(emailSent, m.channel, a.today.midnight+9*3600+int64(d.IntN(1800)))
	if m.promoted {
		sent.kind = campaignSent
	}
	sent.campaign, sent.category = m.id, m.category
	seq := a.emit(sent)
	opens := float64(a.reach) * a.vigour()
	if m.channel != mail || !d.chance(opens) {
		return
	}
	open := sent
	open.kind, open.at = emailOpen, s.clock(a)
	open.at = max(open.at, sent.at+60)
	open.answersDay, open.answersSeq = a.today.no, seq
	a.emit(open)
	likes := float64(a.taste[m.category]) / 255
	if !d.chance(.08 + .3*likes) {
		return
	}
	open.kind, open.at = emailClick, open.at+20
	a.emit(open)
	if a.owned>>m.category&1 == 1 && d.chance(min(.3, 4*float64(a.orderRate))) {
		s.orderVisit(a, m.category)
		return
	}
	s.browse(a, m.category)
}

// browse is a visit without an order: some views, now and then a cart or a
// search. focus is a category that the visit is about, or none.
func (s *Shop) browse(a *actor, focus int) {
	d := s.dice
	at, where := s.clock(a), s.medium()
	a.emit(blank(visit, where, at))
	for range d.between(0, 3) {
		at += int64(d.between(15, 200))
		s.look(a, focus, where, at)
	}
	if d.chance(.02) {
		help := blank(support, s.helpdesk(), at+300)
		if help.channel == phone && d.chance(.5) {
			help.kind = call
		}
		a.emit(help)
	}
}

// look is one thing looked at: what the customer wants, what the visit is
// about, what it knows, or anything at all.
func (s *Shop) look(a *actor, focus int, where channel, at int64) {
	d := s.dice
	category := focus
	wants := false
	switch x := d.Float64(); {
	case a.wanted != nobody && x < .5:
		category, wants = int(a.wanted), true
	case focus != none && x < .8:
	case x < .82:
		category = s.knownCategory(a)
	default:
		category = d.IntN(len(s.goods.names))
	}
	if d.chance(.12) {
		f := blank(search, where, at)
		f.category = category
		a.emit(f)
		return
	}
	p := s.goods.pickProduct(d, category, a.tier)
	v := blank(view, where, at)
	v.product, v.category = p, category
	a.emit(v)
	if d.chance(.1) || wants && d.chance(.15) {
		v.kind, v.quantity, v.at = cart, 1, at+10
		a.emit(v)
	}
}
