package shop

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// stamp is how a day is written.
type stamp struct {
	date     time.Time // UTC midnight of the date
	midnight int64     // Unix seconds 12 hours before the local noon
	short    string    // 240301
	long     string    // 2024-03-01
	offset   string    // Z or +01:00, from the morning on
}

func newStamps(c *calendar, days int) []stamp {
	stamps := make([]stamp, days)
	for i := range stamps {
		date := c.start.AddDate(0, 0, i)
		y, m, d := date.Date()
		noon := time.Date(y, m, d, 12, 0, 0, 0, c.loc)
		stamps[i] = stamp{
			date: date, midnight: noon.Unix() - 12*3600,
			short: date.Format("060102"), long: date.Format(time.DateOnly), offset: noon.Format("Z07:00"),
		}
	}
	return stamps
}

// period is a run of days that go into one file per table.
type period struct {
	name       string
	first, end int
}

// periods cuts the days [first, end) into files.
func (s *Shop) periods(first, end int) []period {
	var out []period
	for day := first; day < end; {
		last, name := day+1, s.stamps[day].long
		if from, to := s.monthOf(day); s.cfg.FilePer == Month && from == day && to <= end {
			last, name = to, name[:len("2006-01")]
		}
		out = append(out, period{name, day, last})
		day = last
	}
	return out
}

// monthOf is the part of day's month in which the shop is open.
func (s *Shop) monthOf(day int) (first, end int) {
	y, m, _ := s.stamps[day].date.Date()
	from := time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	first, end = daysBetween(s.cfg.Start, from), daysBetween(s.cfg.Start, from.AddDate(0, 1, 0))
	return max(first, 0), min(end, s.days)
}

// writePeriod lives through a period and writes its files.
func (s *Shop) writePeriod(ctx context.Context, dir string, p period, sum *Summary, done func(day int)) (err error) {
	w := &writer{shop: s, sum: sum}
	defer func() {
		if err != nil {
			w.abort()
		}
	}()
	if w.orders, err = s.create(dir, ordersTable, p.name); err != nil {
		return err
	}
	if w.interactions, err = s.create(dir, interactionsTable, p.name); err != nil {
		return err
	}
	for day := p.first; day < p.end; day++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.liveDay(day, w); err != nil {
			return fmt.Errorf("writing %s: %w", s.stamps[day].long, err)
		}
		done(day)
	}
	for _, f := range []rowFile{w.orders, w.interactions} {
		n, err := f.commit()
		if err != nil {
			return err
		}
		sum.Files++
		sum.Bytes += n
	}
	return nil
}

// extension is that of the data files, with its dot.
func (s *Shop) extension() string {
	if s.cfg.Gzip {
		return "." + string(s.cfg.Format) + ".gz"
	}
	return "." + string(s.cfg.Format)
}

// refuseOverlap reports a file in a table's folder that holds days of the
// periods under another name: a reader would see them twice.
func (s *Shop) refuseOverlap(folder string, periods []period) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for earlier files: %w", err)
	}
	const month = len("2006-01")
	ours := map[string]bool{}     // names to write
	monthsOf := map[string]bool{} // months of days to write
	for _, p := range periods {
		ours[p.name] = true
		if len(p.name) > month {
			monthsOf[p.name[:month]] = true
		}
	}
	for _, e := range entries {
		stem, ext, _ := strings.Cut(e.Name(), ".")
		twice := ours[stem] && "."+ext != s.extension() || monthsOf[stem] || len(stem) > month && ours[stem[:month]]
		if twice && !strings.HasSuffix(ext, draftSuffix) {
			return fmt.Errorf("writing days: %s holds some of them already, under another name: use another directory or remove it",
				filepath.Join(folder, e.Name()))
		}
	}
	return nil
}

// rowFile is an open file of one table. commit finishes it, gives it its
// final name and returns its size; abort removes it.
type rowFile interface {
	order(*orderLine, dirt) error
	interaction(*interaction, dirt) error
	commit() (int64, error)
	abort()
}

// create opens a table's file of a period.
func (s *Shop) create(dir, table, name string) (rowFile, error) {
	d, err := newDraft(filepath.Join(dir, table, name+s.extension()), s.cfg.Gzip)
	if err != nil {
		return nil, err
	}
	if s.cfg.Format == Parquet {
		return newParquetFile(s, d, table), nil
	}
	return newCSVFile(s, d, table), nil
}

// writer gives rows to the files of a period and counts them.
type writer struct {
	shop                 *Shop
	sum                  *Summary
	orders, interactions rowFile
}

func (w *writer) order(l *orderLine) error {
	d := w.shop.dirtOf(l.customer, l.day, l.number, l.line, true)
	if l.line == 1 {
		w.sum.Orders++
	}
	w.sum.OrderLines.add(d)
	if d == duplicate {
		if err := w.orders.order(l, clean); err != nil {
			return err
		}
	}
	return w.orders.order(l, d)
}

func (w *writer) interaction(i *interaction) error {
	d := w.shop.dirtOf(i.customer, i.day, 1<<20, i.seq, false)
	w.sum.Interactions.add(d)
	if d == duplicate {
		if err := w.interactions.interaction(i, clean); err != nil {
			return err
		}
	}
	return w.interactions.interaction(i, d)
}

func (w *writer) abort() {
	for _, f := range []rowFile{w.orders, w.interactions} {
		if f != nil {
			f.abort()
		}
	}
}

// draftSuffix marks files that are not whole.
const draftSuffix = ".tmp"

// draft is a file under a temporary name.
type draft struct {
	path string
	file *os.File
	out  *bufio.Writer
	zip  *gzip.Writer // nil: plain
	io.Writer
}

func newDraft(path string, zipped bool) (*draft, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("making folder: %w", err)
	}
	f, err := os.Create(path + draftSuffix)
	if err != nil {
		return nil, fmt.Errorf("creating data file: %w", err)
	}
	d := &draft{path: path, file: f, out: bufio.NewWriterSize(f, 1<<16)}
	d.Writer = d.out
	if zipped {
		d.zip, _ = gzip.NewWriterLevel(d.out, gzip.BestSpeed) // a known level: no error
		d.Writer = d.zip
	}
	return d, nil
}

// commit closes the draft and gives it its name.
func (d *draft) commit() (int64, error) {
	if d.zip != nil {
		if err := d.zip.Close(); err != nil {
			return 0, fmt.Errorf("compressing %s: %w", d.path, err)
		}
	}
	if err := d.out.Flush(); err != nil {
		return 0, fmt.Errorf("writing %s: %w", d.path, err)
	}
	info, err := d.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("writing %s: %w", d.path, err)
	}
	if err := d.file.Close(); err != nil {
		return 0, fmt.Errorf("closing %s: %w", d.path, err)
	}
	if err := os.Rename(d.path+draftSuffix, d.path); err != nil {
		return 0, fmt.Errorf("naming %s: %w", d.path, err)
	}
	return info.Size(), nil
}

// abort removes the draft; after a commit it does nothing.
func (d *draft) abort() {
	d.file.Close()
	os.Remove(d.path + draftSuffix)
}
