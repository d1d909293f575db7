package postgres

import (
	"slices"
	"testing"
)

func TestParseSnapshot(t *testing.T) {
	t.Parallel()
	s, err := parseSnapshot("10:20:10,14,18")
	if err != nil || s.xmin != 10 || s.xmax != 20 || !slices.Equal(s.running, []uint64{10, 14, 18}) {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = parseSnapshot("7:7:"); err != nil || len(s.running) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"", "1:2", "a:b:", "1:2:x"} {
		if _, err := parseSnapshot(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestFullID(t *testing.T) {
	t.Parallel()
	const epoch = 1 << 32
	for _, c := range []struct{ xmax, x, want uint64 }{
		{1000, 900, 900}, {5*epoch + 1000, 900, 5*epoch + 900}, {5*epoch + 1000, 4_000_000_000, 4*epoch + 4_000_000_000},
	} {
		if got := (snapshot{xmax: c.xmax}).full(c.x); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestStillOpen(t *testing.T) {
	t.Parallel()
	m := moment{virtual: []string{"3/7", "4/1"}, prepared: []uint64{95, 120}, snapshot: snapshot{xmin: 95, xmax: 130, running: []uint64{95, 120, 125}}}
	if got, want := m.open([]string{"3/7", "5/9"}), []string{"x95", "x120", "x125", "v3/7@130", "v4/1@130", "v5/9@130"}; !slices.Equal(got, want) {
		t.Errorf("open: %v", got)
	}
	for _, c := range []struct {
		about string
		open  string
		want  []string
	}{
		{"it ended", "x90", nil},
		{"it ended, between others", "x100", nil},
		{"it runs", "x125", []string{"x125"}},
		{"it is of a server that is ahead", "x130", []string{"x130"}},
		{"it has not written yet", "v3/7@100", []string{"v3/7@100"}},
		{"it ended or was prepared", "v9/9@100", []string{"x120"}},
		{"it ended, and what is prepared is older or newer", "v9/9@121", nil},
		{"none of a standby's runs", "r96-119", nil},
		{"one of a standby's runs", "r96-121", []string{"r96-121"}},
		{"a standby's bounds are ahead", "r96-131", []string{"r96-131"}},
		{"it is not understood", "?", []string{"?"}},
		{"nor is this", "xyz", []string{"xyz"}},
	} {
		if got := m.stillOpen([]string{c.open}); !slices.Equal(got, c.want) {
			t.Errorf("%s (%s): %v, want %v", c.about, c.open, got, c.want)
		}
	}
	standby := moment{recovering: true, snapshot: snapshot{xmin: 100, xmax: 130}}
	if got := standby.open(nil); !slices.Equal(got, []string{"r100-130"}) {
		t.Errorf("open on a standby: %v", got)
	}
	if got := standby.stillOpen([]string{"x99", "x110", "v1/1@5", "r90-100", "r90-101"}); !slices.Equal(got, []string{"r90-101", "v1/1@5", "x110"}) {
		t.Errorf("still open on a standby: %v", got)
	}
}
