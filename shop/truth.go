package shop

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"
)

// CustomerTruth is a row of truth/customers: what the models should find out.
// In CSV, dates are 2024-03-01 and empty where the pointer is nil.
type CustomerTruth struct {
	CustomerID string `parquet:"customer_id"`
	// JoinedOn may be before the shop's start.
	JoinedOn int32 `parquet:"joined_on,date"`
	// FadingFrom is the day of the decision to leave, LeftOn the first day on
	// which the customer can no longer visit or order; nil: not in the
	// shop's time.
	FadingFrom *int32 `parquet:"fading_from,optional,date"`
	LeftOn     *int32 `parquet:"left_on,optional,date"`
	// LeaveReason is drifted, complaint or over_contacted; empty: stayed.
	LeaveReason string `parquet:"leave_reason,optional"`
	// PurchaseRate and VisitRate (visits without an order) are per day,
	// before seasons; DropoutHazard is the daily chance to decide to leave,
	// before complaints and mailings.
	PurchaseRate  float64 `parquet:"purchase_rate_per_day"`
	VisitRate     float64 `parquet:"visit_rate_per_day"`
	DropoutHazard float64 `parquet:"dropout_hazard_per_day"`
	// NewCategoryRate is the daily chance to become interested in a category.
	NewCategoryRate float64 `parquet:"new_category_rate_per_day"`
	PriceTier       string  `parquet:"price_tier"`
	Archetype       int32   `parquet:"archetype"`
	// SeasonPeakDay is a day of the year, 1 to 366; SeasonAmplitude the
	// factor's swing, 0 to 1.
	SeasonPeakDay     int32   `parquet:"season_peak_day"`
	SeasonAmplitude   float64 `parquet:"season_amplitude"`
	FavouriteCategory string  `parquet:"favourite_category"`
	FavouriteWeight   float64 `parquet:"favourite_weight"`
}

// TasteTruth is a row of truth/tastes: a customer's weight of a category.
// The weights of a customer sum to 1.
type TasteTruth struct {
	CustomerID string  `parquet:"customer_id,dict"`
	Category   string  `parquet:"category,dict"`
	Weight     float64 `parquet:"weight"`
	// Known says whether the customer has taken to the category by the end.
	Known bool `parquet:"known"`
}

// WriteTruth writes truth/customers and truth/tastes into dir, living through
// the days that are left until the shop's end.
func (s *Shop) WriteTruth(ctx context.Context, dir string) error {
	if err := s.skipTo(ctx, s.days); err != nil {
		return err
	}
	if err := writeTable(s, dir, "customers", s.eachTruth); err != nil {
		return err
	}
	return writeTable(s, dir, "tastes", s.eachTaste)
}

// record is a row that can be written as CSV.
type record interface {
	header() string
	appendCSV([]byte) []byte
}

// writeTable writes the rows that each yields, in the shop's format.
func writeTable[T record](s *Shop, dir, name string, each func(func(T) error) error) (err error) {
	d, err := newDraft(filepath.Join(dir, truthFolder, name+s.extension()), s.cfg.Gzip)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			d.abort()
			err = fmt.Errorf("writing %s: %w", d.path, err)
		}
	}()
	if s.cfg.Format == Parquet {
		b := &batch[T]{out: newParquetWriter[T](d)}
		if err := each(b.add); err != nil {
			return err
		}
		if err := b.close(); err != nil {
			return err
		}
	} else {
		var zero T
		row := []byte(zero.header() + "\n")
		if _, err := d.Write(row); err != nil {
			return err
		}
		if err := each(func(t T) error {
			row = append(t.appendCSV(row[:0]), '\n')
			_, err := d.Write(row)
			return err
		}); err != nil {
			return err
		}
	}
	_, err = d.commit()
	return err
}

func (s *Shop) eachTruth(yield func(CustomerTruth) error) error {
	epoch := int(s.cfg.Start.Unix() / 86400)
	date := func(day int) int32 { return int32(epoch + day) }
	for i := range s.customers {
		c := &s.customers[i]
		t := CustomerTruth{
			CustomerID: string(appendCustomer(nil, i)), JoinedOn: date(int(c.joined)), LeaveReason: reasonNames[c.reason],
			PurchaseRate: float64(c.orderRate), VisitRate: float64(c.visitRate), DropoutHazard: float64(c.hazard),
			NewCategoryRate: float64(c.curious), PriceTier: tierNames[c.tier], Archetype: int32(c.archetype),
			SeasonPeakDay: int32(c.seasonDay) + 1, SeasonAmplitude: float64(c.seasonAmp),
		}
		if int(c.fade) < s.days {
			from := date(int(c.fade))
			t.FadingFrom = &from
		}
		if int(c.left) < s.days {
			left := date(int(c.left))
			t.LeftOn = &left
		}
		top, total := 0, 0
		for k := range s.goods.names {
			total += int(c.taste[k])
			if c.taste[k] > c.taste[top] {
				top = k
			}
		}
		t.FavouriteCategory, t.FavouriteWeight = s.goods.names[top], float64(c.taste[top])/float64(total)
		if err := yield(t); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shop) eachTaste(yield func(TasteTruth) error) error {
	for i := range s.customers {
		c := &s.customers[i]
		total := 0
		for k := range s.goods.names {
			total += int(c.taste[k])
		}
		id := string(appendCustomer(nil, i))
		for k, name := range s.goods.names {
			t := TasteTruth{CustomerID: id, Category: name, Weight: float64(c.taste[k]) / float64(total), Known: c.owned>>k&1 == 1}
			if err := yield(t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (CustomerTruth) header() string {
	return "customer_id,joined_on,fading_from,left_on,leave_reason,purchase_rate_per_day,visit_rate_per_day,dropout_hazard_per_day," +
		"new_category_rate_per_day,price_tier,archetype,season_peak_day,season_amplitude,favourite_category,favourite_weight"
}

func (t CustomerTruth) appendCSV(b []byte) []byte {
	b = append(append(b, t.CustomerID...), ',')
	b = append(appendDate(b, &t.JoinedOn), ',')
	b = append(appendDate(b, t.FadingFrom), ',')
	b = append(appendDate(b, t.LeftOn), ',')
	b = append(append(b, t.LeaveReason...), ',')
	for _, x := range []float64{t.PurchaseRate, t.VisitRate, t.DropoutHazard, t.NewCategoryRate} {
		b = append(appendFloat(b, x), ',')
	}
	b = append(append(b, t.PriceTier...), ',')
	b = append(strconv.AppendInt(b, int64(t.Archetype), 10), ',')
	b = append(strconv.AppendInt(b, int64(t.SeasonPeakDay), 10), ',')
	b = append(appendFloat(b, t.SeasonAmplitude), ',')
	b = append(append(b, t.FavouriteCategory...), ',')
	return appendFloat(b, t.FavouriteWeight)
}

func (TasteTruth) header() string { return "customer_id,category,weight,known" }

func (t TasteTruth) appendCSV(b []byte) []byte {
	b = append(append(b, t.CustomerID...), ',')
	b = append(append(b, t.Category...), ',')
	b = append(appendFloat(b, t.Weight), ',')
	return strconv.AppendBool(b, t.Known)
}

func appendDate(b []byte, day *int32) []byte {
	if day == nil {
		return b
	}
	return time.Unix(int64(*day)*86400, 0).UTC().AppendFormat(b, time.DateOnly)
}

func appendFloat(b []byte, x float64) []byte { return strconv.AppendFloat(b, x, 'g', 6, 64) }
