package shop

import (
	"fmt"

	"github.com/parquet-go/parquet-go"
)

// orderRow and interactionRow are the Parquet schemas. Strings and numbers
// that are optional are NULL when empty or 0.
type orderRow struct {
	OrderID     string `parquet:"order_id"`
	LineID      string `parquet:"line_id,dict"`
	CustomerID  string `parquet:"customer_id,optional,dict"`
	OrderedAt   int64  `parquet:"ordered_at,timestamp(microsecond:utc)"`
	ProductID   string `parquet:"product_id,dict"`
	Category    string `parquet:"category,optional,dict"`
	Quantity    int64  `parquet:"quantity,decimal(3:18)"`
	UnitPrice   int64  `parquet:"unit_price,decimal(4:18)"`
	Discount    int64  `parquet:"discount,decimal(4:18)"`
	UnitCost    int64  `parquet:"unit_cost,optional,decimal(4:18)"`
	ProductName string `parquet:"product_name,optional,dict"`
}

type interactionRow struct {
	InteractionID string `parquet:"interaction_id"`
	CustomerID    string `parquet:"customer_id,optional,dict"`
	OccurredAt    int64  `parquet:"occurred_at,timestamp(microsecond:utc)"`
	Kind          string `parquet:"kind,dict"`
	Channel       string `parquet:"channel,optional,dict"`
	OrderID       string `parquet:"order_id,optional"`
	ProductID     string `parquet:"product_id,optional,dict"`
	Category      string `parquet:"category,optional,dict"`
	Quantity      int64  `parquet:"quantity,optional,decimal(3:18)"`
	Amount        int64  `parquet:"amount,optional,decimal(4:18)"`
	CampaignID    string `parquet:"campaign_id,optional,dict"`
	ReferenceID   string `parquet:"reference_id,optional"`
	Rating        int32  `parquet:"rating,optional,decimal(3:9)"`
}

const (
	batchRows    = 1024
	rowGroupRows = 1 << 16 // bounds what a writer keeps in memory
)

func newParquetWriter[T any](d *draft) *parquet.GenericWriter[T] {
	return parquet.NewGenericWriter[T](d, parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.CreatedBy("mainstay-shop", "1", ""))
}

// parquetFile writes one table's rows; of the two writers it has one.
type parquetFile struct {
	*draft
	shop         *Shop
	orders       *batch[orderRow]
	interactions *batch[interactionRow]
	id           []byte
}

// batch collects rows, since the writer is slow row by row.
type batch[T any] struct {
	out  *parquet.GenericWriter[T]
	rows []T
}

func (b *batch[T]) add(row T) error {
	b.rows = append(b.rows, row)
	if len(b.rows) < batchRows {
		return nil
	}
	return b.flush()
}

func (b *batch[T]) flush() error {
	_, err := b.out.Write(b.rows)
	b.rows = b.rows[:0]
	return err
}

func (b *batch[T]) close() error {
	if b == nil {
		return nil
	}
	if err := b.flush(); err != nil {
		return err
	}
	return b.out.Close()
}

func newParquetFile(s *Shop, d *draft, table string) *parquetFile {
	f := &parquetFile{draft: d, shop: s}
	if table == ordersTable {
		f.orders = &batch[orderRow]{out: newParquetWriter[orderRow](d)}
	} else {
		f.interactions = &batch[interactionRow]{out: newParquetWriter[interactionRow](d)}
	}
	return f
}

func (f *parquetFile) order(l *orderLine, d dirt) error {
	p := &f.shop.goods.products[l.product]
	row := orderRow{
		OrderID: f.orderID(l.day, l.customer, l.number), LineID: lineIDs[l.line], OrderedAt: l.at * 1e6,
		ProductID: p.id, Category: f.shop.goods.names[p.category], ProductName: p.name,
		Quantity: l.quantity * 1000, UnitPrice: l.price, Discount: l.discount, UnitCost: l.cost,
	}
	if d != missingCustomer {
		row.CustomerID = f.customerID(l.customer)
	}
	return f.orders.add(row)
}

// lineIDs are the numbers that the lines of an order can have.
var lineIDs = [...]string{"", "1", "2", "3", "4", "5", "6", "7", "8"}

func (f *parquetFile) interaction(i *interaction, d dirt) error {
	s := f.shop
	row := interactionRow{
		InteractionID: f.interactionID(i.day, i.customer, i.seq), OccurredAt: i.at * 1e6, Kind: kindNames[i.kind],
		Channel: channelNames[i.channel], Quantity: i.quantity * 1000, Amount: i.amount, CampaignID: i.campaign, Rating: int32(i.rating) * 1000,
	}
	if d != missingCustomer {
		row.CustomerID = f.customerID(i.customer)
	}
	if i.orderDay != none {
		row.OrderID = f.orderID(i.orderDay, i.customer, i.orderNo)
	}
	if i.product != none {
		row.ProductID = s.goods.products[i.product].id
	}
	if i.category != none {
		row.Category = s.goods.names[i.category]
	}
	if i.answersDay != none {
		row.ReferenceID = f.interactionID(i.answersDay, i.customer, i.answersSeq)
	}
	return f.interactions.add(row)
}

func (f *parquetFile) customerID(customer int) string {
	f.id = appendCustomer(f.id[:0], customer)
	return string(f.id)
}

func (f *parquetFile) orderID(day, customer, number int) string {
	f.id = f.shop.appendOrder(f.id[:0], day, customer, number)
	return string(f.id)
}

func (f *parquetFile) interactionID(day, customer, seq int) string {
	f.id = f.shop.appendInteraction(f.id[:0], day, customer, seq)
	return string(f.id)
}

func (f *parquetFile) commit() (int64, error) {
	if err := f.orders.close(); err != nil {
		return 0, fmt.Errorf("writing %s: %w", f.path, err)
	}
	if err := f.interactions.close(); err != nil {
		return 0, fmt.Errorf("writing %s: %w", f.path, err)
	}
	return f.draft.commit()
}
