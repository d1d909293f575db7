package contract

import (
	"slices"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, wantErr string
	}{
		{"orders", ""},
		{"interactions", ""},
		{"payments", ""},
		{"invoices", `"invoices" is no contract table; expected one of orders, interactions, customers, products, payments`},
		{"Orders", `"Orders" is no contract table; expected one of orders, interactions, customers, products, payments`},
		{"", `"" is no contract table; expected one of orders, interactions, customers, products, payments`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Lookup(tt.name)
			if message(err) != tt.wantErr {
				t.Fatalf("error %q, want %q", message(err), tt.wantErr)
			}
			if err == nil && got.Name != tt.name {
				t.Errorf("got table %q", got.Name)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestColumn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		table Table
		name  string
		want  Type // "" for none
	}{
		{Orders, "quantity", Quantity},
		{Orders, "ordered_at", Instant},
		{Orders, "kind", ""},
		{Interactions, "rating", Score},
		{Payments, "due_on", Date},
		{Interactions, "ordered_at", ""},
		{Interactions, "Kind", ""},
		{Orders, ColRow, ""},
	} {
		got, ok := tt.table.Column(tt.name)
		if ok != (tt.want != "") || got.Type != tt.want {
			t.Errorf("%s.%s: got %q, %t, want %q", tt.table.Name, tt.name, got.Type, ok, tt.want)
		}
	}
}

// TestReasons pins the reasons in the order in which they are looked for: quarantine
// shows them, so people filter by them.
func TestReasons(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		table Table
		want  []string
	}{
		{Orders, []string{
			"malformed_record", "unrepresentable_value", "missing_order_id", "missing_line_id", "missing_customer_id",
			"missing_ordered_at", "bad_ordered_at", "missing_product_id", "missing_quantity", "bad_quantity",
			"missing_unit_price", "bad_unit_price", "bad_discount", "bad_unit_cost",
		}},
		{Interactions, []string{
			"malformed_record", "unrepresentable_value", "missing_interaction_id", "missing_customer_id", "missing_occurred_at", "bad_occurred_at",
			"missing_kind", "bad_quantity", "bad_amount", "bad_rating",
		}},
		{Payments, []string{
			"malformed_record", "unrepresentable_value", "missing_payment_id", "missing_customer_id", "missing_issued_at", "bad_issued_at",
			"bad_due_on", "missing_amount", "bad_amount", "bad_paid_at", "bad_paid_amount",
		}},
		{Table{Columns: []Column{{Name: "note", Type: Text}}}, []string{"malformed_record", "unrepresentable_value"}},
	} {
		if got := tt.table.Reasons(); !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.table.Name, got, tt.want)
		}
	}
}

// TestTables checks what the rest of the engine takes for granted of every table.
func TestTables(t *testing.T) {
	t.Parallel()
	for _, table := range Tables() {
		t.Run(table.Name, func(t *testing.T) {
			t.Parallel()
			for _, key := range table.Key {
				if c, ok := table.Column(key); !ok || c.Type != Text && key != table.EventTime || !c.Required {
					t.Errorf("key %s: expected the event time or a required column of type %s, got %+v", key, Text, c)
				}
			}
			if len(table.Key) == 0 {
				t.Error("no key: nothing tells its rows apart")
			}
			if c, ok := table.Column(table.EventTime); !ok || c.Type != Instant || !c.Required {
				t.Errorf("event time %s: expected a required column of type %s, got %+v", table.EventTime, Instant, c)
			}
			if c, ok := table.Column("customer_id"); table.Name != Products.Name && (!ok || !c.Required) {
				t.Error("no required column customer_id")
			}
			checkColumns(t, table)
			checkLater(t, table)
		})
	}
}

func checkColumns(t *testing.T, table Table) {
	t.Helper()
	types := []Type{Text, Instant, Date, Quantity, Money, Score}
	seen := map[string]bool{}
	for _, c := range table.Columns {
		if seen[c.Name] || c.Name != strings.ToLower(c.Name) || strings.HasPrefix(c.Name, "_") {
			t.Errorf("column %q: expected a lower-case name of its own that does not begin with _", c.Name)
		}
		seen[c.Name] = true
		if !slices.Contains(types, c.Type) {
			t.Errorf("column %s: type %s is none of the contract's", c.Name, c.Type)
		}
		if !strings.HasSuffix(c.Meaning, ".") {
			t.Errorf("column %s: meaning %q is no sentence", c.Name, c.Meaning)
		}
	}
}

// checkLater makes sure that what is hidden until later may be missing, and that the
// time since when it is known is hidden with it: that it is there already tells something.
func checkLater(t *testing.T, table Table) {
	t.Helper()
	if table.Later == nil {
		return
	}
	if c, ok := table.Column(table.Later.At); !ok || c.Type != Instant || !slices.Contains(table.Later.Columns, table.Later.At) {
		t.Errorf("later: %q is no instant that is hidden itself", table.Later.At)
	}
	for _, name := range table.Later.Columns {
		if c, ok := table.Column(name); !ok || c.Required || c.Default != "" || name == table.EventTime || slices.Contains(table.Key, name) {
			t.Errorf("later: column %s must be one that may be NULL, got %+v", name, c)
		}
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		table Table
		want  []string
	}{
		{Orders, []string{"order_id", "line_id", "ordered_at"}},
		{Interactions, []string{"interaction_id", "occurred_at"}},
		{Customers, []string{"customer_id", "recorded_at"}}, // the event time once, though it is in the key
	} {
		var got []string
		for _, c := range tt.table.Place() {
			got = append(got, c.Name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.table.Name, got, tt.want)
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	kind, _ := Interactions.Column("kind")
	for i, k := range Kinds {
		if slices.Contains(Kinds[:i], k) {
			t.Errorf("kind %s is listed twice", k)
		}
		if !strings.Contains(kind.Meaning, k) {
			t.Errorf("the meaning of column kind leaves out %s", k)
		}
	}
}

// "No date" is refused in every column but the one since when a version of master data is known.
func TestEarliest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		table        Table
		column, want string
	}{
		{Orders, "ordered_at", "1970-01-02"},
		{Interactions, "occurred_at", "1970-01-02"},
		{Payments, "issued_at", "1970-01-02"},
		{Payments, "due_on", "1970-01-02"},
		{Payments, "paid_at", "1970-01-02"},
		{Customers, "recorded_at", "1900-01-01"},
		{Customers, "key_contact_since", "1970-01-02"},
		{Products, "recorded_at", "1900-01-01"},
	} {
		if got := tt.table.Earliest(tt.column); got != tt.want {
			t.Errorf("%s.%s: got %s, want %s", tt.table.Name, tt.column, got, tt.want)
		}
	}
}
