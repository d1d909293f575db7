package database

import (
	"fmt"
	"time"
)

// sell brings n new orders with their lines and what people do around them.
func (d *life) sell(n int) {
	customers, orders := &batch{life: d, table: customersTable}, &batch{life: d, table: ordersTable}
	lines, interactions := &batch{life: d, table: linesTable}, &batch{life: d, table: interactionsTable}
	customer, order, line, interaction := d.customers.high, d.orders.high, d.lines.high, d.interactions.high
	for range n {
		// Orders come in the course of the day, so ids and times grow together.
		at := d.day.Add(time.Duration(float64(order-d.orders.high)/float64(n)*86000) * time.Second)
		order++
		who := d.customers.low + d.dice.Int64N(d.customers.high-d.customers.low+1)
		if d.dice.IntN(15) == 0 {
			customer++
			who = customer
			customers.add(customer, fmt.Sprintf("'C%06d'", customer), literal(at), literal(at))
		}
		orders.add(order, who, literal(at), "'placed'", literal(at))
		for range 1 + d.dice.IntN(3) {
			line++
			d.done.Lines++
			price := int64(95 + d.dice.IntN(9000))
			touched := literal(at.Add(time.Duration(d.dice.IntN(1e6)) * time.Microsecond))
			switch d.dice.IntN(60) {
			case 0:
				touched = "NULL"
				d.done.Undated++
			case 1: // written by a batch whose clock or patience was days behind
				touched = literal(at.AddDate(0, 0, -1-d.dice.IntN(5)))
				d.done.Backdated++
			}
			lines.add(line, order, d.product(), 1+d.dice.IntN(4), cents(price), cents(price*int64(d.dice.IntN(3))/20), touched)
		}
		if d.interactions.high == 0 {
			continue // a shop without them
		}
		for range 1 + d.dice.IntN(4) {
			interaction++
			d.done.Interactions++
			interactions.add(interaction, who, literal(at), d.either("visit", "view", "cart", "search"), d.either("web", "app"),
				"NULL", d.product(), "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", literal(at))
		}
	}
	for _, b := range []*batch{customers, orders, lines, interactions} {
		b.flush()
	}
}

func (d *life) product() int64 {
	return d.products.low + d.dice.Int64N(d.products.high-d.products.low+1)
}

// correct corrects the prices of n lines, as an application does.
func (d *life) correct(n int) {
	for _, id := range d.pick("order_lines", n, d.lines) {
		d.exec("UPDATE order_lines SET unit_price = unit_price + %s, updated_at = %s WHERE id = %d", cents(int64(1+d.dice.IntN(500))), d.moment(0), id)
		d.done.Corrected++
	}
}

// move moves the time of n orders by up to a month, into another partition of whoever
// keeps them by time. Every third application forgets that the lines show it.
func (d *life) move(n int) {
	for i, id := range d.pick("orders", n, d.orders) {
		at, days := d.moment(0), d.dice.IntN(30)+1
		d.exec("UPDATE orders SET ordered_at = ordered_at - INTERVAL '%d' DAY, updated_at = %s WHERE id = %d", days, at, id)
		if i%3 == 2 {
			d.done.MovedOnly++
			continue
		}
		d.exec("UPDATE order_lines SET updated_at = %s WHERE order_id = %d", at, id)
		d.done.Moved++
	}
}

// delete deletes n lines, some orders with all their lines, and interactions.
func (d *life) delete(n int) {
	for _, id := range d.pick("order_lines", n, d.lines) {
		d.exec("DELETE FROM order_lines WHERE id = %d", id)
		d.done.Deleted++
	}
	for _, id := range d.pick("orders", n/4+1, d.orders) {
		for _, row := range d.numbers("SELECT count(*) FROM order_lines WHERE order_id = %d", id) {
			d.done.Deleted += int(row[0])
		}
		d.exec("DELETE FROM order_lines WHERE order_id = %d", id)
		d.exec("DELETE FROM orders WHERE id = %d", id)
	}
	for _, id := range d.pick("interactions", n, d.interactions) {
		d.exec("DELETE FROM interactions WHERE id = %d", id)
		d.done.Withdrawn++
	}
}

// beCareless changes rows in ways that updated_at does not tell.
func (d *life) beCareless(n int) {
	for _, id := range d.pick("order_lines", n, d.lines) {
		d.exec("UPDATE order_lines SET discount = discount + 0.05 WHERE id = %d", id)
		d.done.Silent++
	}
	for _, id := range d.pick("interactions", n, d.interactions) {
		d.exec("UPDATE interactions SET channel = CASE WHEN channel = 'store' THEN 'web' ELSE 'store' END WHERE id = %d", id)
		d.done.Silent++
	}
	for _, id := range d.pick("order_lines", n, d.lines) {
		d.exec("UPDATE order_lines SET quantity = quantity + 1, updated_at = NULL WHERE id = %d", id)
		d.done.Undated++
	}
	if d.dice.IntN(3) == 0 {
		for _, id := range d.pick("products", 1, d.products) {
			d.exec("UPDATE products SET category = 'recalled', updated_at = %s WHERE id = %d", d.moment(0), id)
			d.done.Recalled++
		}
	}
}
