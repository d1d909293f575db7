package shop

// dirt is what is wrong with a written row.
type dirt uint8

const (
	clean dirt = iota
	missingCustomer
	duplicate
	badQuantity
)

// badQuantities are what a hand or a broken export puts in place of a number.
var badQuantities = []string{"n/a", "two", "1x", "#REF!"}

// dirtOf says what is wrong with a row, from its identity alone.
func (s *Shop) dirtOf(customer, day, a, b int, quantities bool) dirt {
	if s.cfg.DirtShare == 0 {
		return clean
	}
	h := hash(forDirt, s.cfg.Seed^uint64(customer)<<32^uint64(day), uint64(a)<<32|uint64(b))
	if unit(h) >= s.cfg.DirtShare {
		return clean
	}
	switch kind := mix(h+1) % 10; {
	case kind < 4:
		return duplicate
	case kind < 6 && quantities && s.cfg.Format == CSV:
		return badQuantity
	}
	return missingCustomer
}
