package shop

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// table reads the CSV files of a folder, oldest first, as maps.
func table(t *testing.T, dir, folder string) []map[string]string {
	t.Helper()
	var out []map[string]string
	all := files(t, filepath.Join(dir, folder))
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		rows, err := csv.NewReader(bytes.NewReader(all[name])).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, row := range rows[1:] {
			m := map[string]string{"file": strings.TrimSuffix(name, ".csv")}
			for i, column := range rows[0] {
				m[column] = row[i]
			}
			out = append(out, m)
		}
	}
	return out
}

// account recounts the dirt of a table and returns its sound rows.
func account(rows []map[string]string, key ...string) (Counts, []map[string]string) {
	var c Counts
	var sound []map[string]string
	seen := map[string]string{}
	for _, r := range rows {
		c.Rows++
		id := ""
		for _, k := range key {
			id += r[k] + "|"
		}
		whole := fmt.Sprint(r)
		_, number := strconv.ParseFloat(r["quantity"], 64)
		switch {
		case r["customer_id"] == "":
			c.MissingCustomer++
		case r["quantity"] != "" && number != nil:
			c.BadQuantity++
		case seen[id] == whole:
			c.Duplicates++
		default:
			c.Valid++
			sound = append(sound, r)
		}
		if before, ok := seen[id]; ok && before != whole {
			panic("key " + id + " has two versions")
		}
		seen[id] = whole
	}
	return c, sound
}

func TestDirtIsCounted(t *testing.T) {
	t.Parallel()
	dir, sum := generate(t, small())
	lines, _ := account(table(t, dir, ordersTable), "order_id", "line_id")
	others, _ := account(table(t, dir, interactionsTable), "interaction_id")
	if lines != sum.OrderLines {
		t.Errorf("orders: found %+v, summary %+v", lines, sum.OrderLines)
	}
	if others != sum.Interactions {
		t.Errorf("interactions: found %+v, summary %+v", others, sum.Interactions)
	}
	for name, n := range map[string]int64{"duplicates": lines.Duplicates, "missing": lines.MissingCustomer, "bad": lines.BadQuantity,
		"duplicate interactions": others.Duplicates, "missing in interactions": others.MissingCustomer} {
		if n == 0 {
			t.Errorf("no %s", name)
		}
	}
	dirty := others.Duplicates + others.MissingCustomer
	if share := float64(dirty) / float64(others.Valid); share < .015 || share > .025 {
		t.Errorf("%.4f of interactions are dirty, want about 0.02", share)
	}

	cfg := small()
	cfg.DirtShare = 0
	_, sum = generate(t, cfg)
	if sum.OrderLines.Rows != sum.OrderLines.Valid || sum.Interactions.Rows != sum.Interactions.Valid {
		t.Errorf("dirt without dirt: %+v", sum)
	}
}

func TestRowsHoldTogether(t *testing.T) {
	t.Parallel()
	dir, sum := generate(t, small())
	all := table(t, dir, ordersTable)
	customers, orders, interactions := map[string]bool{}, map[string]string{}, map[string]map[string]string{}
	bought := map[string]bool{} // order and product
	for _, c := range table(t, dir, truthFolder) {
		customers[c["customer_id"]] = true
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		checkTime(t, o["ordered_at"], o["file"], berlin)
		bought[o["order_id"]+o["product_id"]] = true
		if o["customer_id"] != "" {
			orders[o["order_id"]] = o["customer_id"]
		}
		if o["customer_id"] != "" && !customers[o["customer_id"]] {
			t.Errorf("order of unknown customer %s", o["customer_id"])
		}
		checkMoney(t, o)
	}
	heads := map[string]bool{}
	for _, o := range all {
		heads[o["order_id"]] = true
	}
	if int64(len(heads)) != sum.Orders {
		t.Errorf("%d orders, summary %d", len(heads), sum.Orders)
	}
	kinds := map[string]int{}
	for _, i := range table(t, dir, interactionsTable) {
		checkTime(t, i["occurred_at"], i["file"], berlin)
		kinds[i["kind"]]++
		interactions[i["interaction_id"]] = i
		if id := i["order_id"]; id != "" && !heads[id] {
			t.Errorf("%s of unknown order %s", i["kind"], id)
		}
		if id := i["order_id"]; id != "" && i["customer_id"] != "" && orders[id] != "" && orders[id] != i["customer_id"] {
			t.Errorf("%s of %s's order %s by %s", i["kind"], orders[id], id, i["customer_id"])
		}
		if i["kind"] == "return" && (!bought[i["order_id"]+i["product_id"]] || i["quantity"] == "" || i["amount"] == "" || i["category"] == "") {
			t.Errorf("return without its purchase: %v", i)
		}
		if r, err := strconv.Atoi(i["rating"]); i["kind"] == "review" && (err != nil || r < 1 || r > 5) {
			t.Errorf("review with rating %q", i["rating"])
		}
		if ref := i["reference_id"]; ref != "" {
			before := interactions[ref]
			if before == nil || before["occurred_at"] >= i["occurred_at"] {
				t.Errorf("%s of %s answers %q of %s", i["kind"], i["occurred_at"], ref, before["occurred_at"])
			}
			if i["kind"] == "complaint_resolved" && before["kind"] != "complaint" {
				t.Errorf("resolved a %s", before["kind"])
			}
		}
	}
	for _, k := range kindNames {
		if kinds[k] == 0 {
			t.Errorf("no %s", k)
		}
	}
}

// checkTime wants a moment of the local day that the file is named after.
func checkTime(t *testing.T, at, file string, loc *time.Location) {
	t.Helper()
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	if local := when.In(loc).Format(time.RFC3339); local != at || !strings.HasPrefix(at, file) {
		t.Errorf("%s in file %s is %s there", at, file, local)
	}
}

func checkMoney(t *testing.T, o map[string]string) {
	t.Helper()
	quantity, err := strconv.ParseFloat(o["quantity"], 64)
	if err != nil {
		return // counted elsewhere
	}
	price, _ := strconv.ParseFloat(o["unit_price"], 64)
	discount, err := strconv.ParseFloat(o["discount"], 64)
	cost, _ := strconv.ParseFloat("0"+o["unit_cost"], 64)
	if quantity < 1 || price <= 0 || err != nil || discount < 0 || discount > quantity*price/4 || cost >= price {
		t.Errorf("odd amounts: %v", o)
	}
}

// TestParquetEqualsCSV reads both formats of the same shop back.
func TestParquetEqualsCSV(t *testing.T) {
	t.Parallel()
	cfg := small()
	cfg.DirtShare = 0 // bad quantities exist in CSV only
	text, _ := generate(t, cfg)
	cfg.Format = Parquet
	binary, _ := generate(t, cfg)

	micros := func(s string) int64 {
		when, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return when.UnixMicro()
	}
	scaled := func(s string, scale float64) int64 {
		x, _ := strconv.ParseFloat("0"+s, 64)
		return int64(x*scale + .5)
	}
	var wantOrders []orderRow
	for _, r := range table(t, text, ordersTable) {
		wantOrders = append(wantOrders, orderRow{r["order_id"], r["line_id"], r["customer_id"], micros(r["ordered_at"]), r["product_id"], r["category"],
			scaled(r["quantity"], 1e3), scaled(r["unit_price"], 1e4), scaled(r["discount"], 1e4), scaled(r["unit_cost"], 1e4), r["product_name"]})
	}
	requireRows(t, readParquet[orderRow](t, binary, ordersTable), wantOrders)
	var wantOthers []interactionRow
	for _, r := range table(t, text, interactionsTable) {
		wantOthers = append(wantOthers, interactionRow{r["interaction_id"], r["customer_id"], micros(r["occurred_at"]), r["kind"], r["channel"],
			r["order_id"], r["product_id"], r["category"], scaled(r["quantity"], 1e3), scaled(r["amount"], 1e4), r["campaign_id"], r["reference_id"],
			int32(scaled(r["rating"], 1e3))})
	}
	requireRows(t, readParquet[interactionRow](t, binary, interactionsTable), wantOthers)

	truth, err := parquet.ReadFile[CustomerTruth](filepath.Join(binary, truthFolder, "customers.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range truth {
		b := string(r.appendCSV(nil))
		if want := files(t, filepath.Join(text, truthFolder))["customers.csv"]; i == 7 && !bytes.Contains(want, []byte(b+"\n")) {
			t.Errorf("CSV has no %s", b)
		}
	}
}

// readParquet reads a folder's files, oldest first.
func readParquet[T any](t *testing.T, dir, folder string) (out []T) {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, folder, "*.parquet"))
	slices.Sort(names)
	for _, name := range names {
		rows, err := parquet.ReadFile[T](name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, rows...)
	}
	return out
}

func requireRows[T comparable](t *testing.T, got, want []T) {
	t.Helper()
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("row %d: %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

func TestParquetSchema(t *testing.T) {
	t.Parallel()
	want := `message orderRow {
	required binary order_id (STRING);
	required binary line_id (STRING);
	optional binary customer_id (STRING);
	required int64 ordered_at (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS));
	required binary product_id (STRING);
	optional binary category (STRING);
	required int64 quantity (DECIMAL(18,3));
	required int64 unit_price (DECIMAL(18,4));
	required int64 discount (DECIMAL(18,4));
	optional int64 unit_cost (DECIMAL(18,4));
	optional binary product_name (STRING);
}`
	if got := parquet.SchemaOf(orderRow{}).String(); got != want {
		t.Errorf("got %s", got)
	}
	want = `message interactionRow {
	required binary interaction_id (STRING);
	optional binary customer_id (STRING);
	required int64 occurred_at (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS));
	required binary kind (STRING);
	optional binary channel (STRING);
	optional binary order_id (STRING);
	optional binary product_id (STRING);
	optional binary category (STRING);
	optional int64 quantity (DECIMAL(18,3));
	optional int64 amount (DECIMAL(18,4));
	optional binary campaign_id (STRING);
	optional binary reference_id (STRING);
	optional int32 rating (DECIMAL(9,3));
}`
	if got := parquet.SchemaOf(interactionRow{}).String(); got != want {
		t.Errorf("got %s", got)
	}
}
