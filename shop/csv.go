package shop

import (
	"fmt"
	"strconv"
	"strings"
)

// headers are the CSV columns, those of the data contract; orders carry the
// product's name as an extra column.
var headers = map[string]string{
	ordersTable: "order_id,line_id,customer_id,ordered_at,product_id,category,quantity,unit_price,discount,unit_cost,product_name\n",
	interactionsTable: "interaction_id,customer_id,occurred_at,kind,channel,order_id,product_id,category,quantity,amount," +
		"campaign_id,reference_id,rating\n",
}

// csvFile writes one table's rows as CSV (RFC 4180, LF, empty: no value).
type csvFile struct {
	*draft
	shop *Shop
	row  []byte
	err  error // of writing the header, reported with the first row or at the end
}

func newCSVFile(s *Shop, d *draft, table string) *csvFile {
	f := &csvFile{draft: d, shop: s}
	_, f.err = d.Write([]byte(headers[table]))
	return f
}

func (f *csvFile) order(l *orderLine, d dirt) error {
	p := &f.shop.goods.products[l.product]
	b := f.shop.appendOrder(f.row[:0], l.day, l.customer, l.number)
	b = append(strconv.AppendInt(append(b, ','), int64(l.line), 10), ',')
	if d != missingCustomer {
		b = appendCustomer(b, l.customer)
	}
	b = f.appendTime(append(b, ','), l.day, l.at)
	b = append(append(b, ','), p.id...)
	b = append(append(b, ','), f.shop.goods.names[p.category]...)
	b = append(b, ',')
	if d == badQuantity {
		b = append(b, badQuantities[(l.day+l.customer)%len(badQuantities)]...)
	} else {
		b = appendDecimal(b, l.quantity, 0)
	}
	b = appendMoney(append(b, ','), l.price)
	b = appendMoney(append(b, ','), l.discount)
	b = append(b, ',')
	if l.cost != 0 {
		b = appendMoney(b, l.cost)
	}
	b = append(quoted(append(b, ','), p.name), '\n')
	return f.write(b)
}

func (f *csvFile) interaction(i *interaction, d dirt) error {
	s := f.shop
	b := s.appendInteraction(f.row[:0], i.day, i.customer, i.seq)
	b = append(b, ',')
	if d != missingCustomer {
		b = appendCustomer(b, i.customer)
	}
	b = f.appendTime(append(b, ','), i.day, i.at)
	b = append(append(b, ','), kindNames[i.kind]...)
	b = append(append(b, ','), channelNames[i.channel]...)
	b = append(b, ',')
	if i.orderDay != none {
		b = s.appendOrder(b, i.orderDay, i.customer, i.orderNo)
	}
	b = append(b, ',')
	if i.product != none {
		b = append(b, s.goods.products[i.product].id...)
	}
	b = append(b, ',')
	if i.category != none {
		b = append(b, s.goods.names[i.category]...)
	}
	b = append(b, ',')
	if i.quantity != 0 {
		b = appendDecimal(b, i.quantity, 0)
	}
	b = append(b, ',')
	if i.amount != 0 {
		b = appendMoney(b, i.amount)
	}
	b = append(append(b, ','), i.campaign...)
	b = append(b, ',')
	if i.answersDay != none {
		b = s.appendInteraction(b, i.answersDay, i.customer, i.answersSeq)
	}
	b = append(b, ',')
	if i.rating != 0 {
		b = strconv.AppendInt(b, int64(i.rating), 10)
	}
	return f.write(append(b, '\n'))
}

func (f *csvFile) write(b []byte) error {
	f.row = b
	if f.err != nil {
		return f.err
	}
	if _, err := f.draft.Write(b); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	return nil
}

func (f *csvFile) commit() (int64, error) {
	if f.err != nil {
		return 0, fmt.Errorf("writing %s: %w", f.path, f.err)
	}
	return f.draft.commit()
}

// appendTime writes 2024-03-01T19:04:05+01:00.
func (f *csvFile) appendTime(b []byte, day int, at int64) []byte {
	st := &f.shop.stamps[day]
	b = append(append(b, st.long...), 'T')
	sec := uint64(at - st.midnight)
	b = appendPadded(b, sec/3600, 2)
	b = appendPadded(append(b, ':'), sec/60%60, 2)
	b = appendPadded(append(b, ':'), sec%60, 2)
	return append(b, st.offset...)
}

// appendMoney writes whole cents, which is all that the shop's prices have.
func appendMoney(b []byte, n int64) []byte { return appendDecimal(b, n/100, 2) }

// quoted writes a CSV field, quoted if need be.
func quoted(b []byte, field string) []byte {
	if !strings.ContainsAny(field, ",\"\n") {
		return append(b, field...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(field, `"`, `""`)...)
	return append(b, '"')
}
