package card

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/learn"
)

var update = flag.Bool("update", false, "write the golden files")

// report reads the report of a training on a made-up shop, which package learn's test
// TestReportForCards writes.
func report(t *testing.T) (h models.Header, r learn.Report) {
	t.Helper()
	raw, err := os.ReadFile("testdata/header.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(h.Report, &r); err != nil {
		t.Fatal(err)
	}
	return h, r
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; -update writes it", path)
	}
}

var made = Made{Night: 7, At: time.Date(2011, 12, 10, 2, 0, 3, 0, time.UTC), Took: 93_140 * time.Millisecond}

func TestGolden(t *testing.T) {
	t.Parallel()
	h, r := report(t)
	golden(t, "testdata/card.golden.md", Markdown(h, r, made))
	golden(t, "testdata/card.golden.html", HTML(h, r, made))
}

// TestSelfContained: the page asks nobody for anything.
func TestSelfContained(t *testing.T) {
	t.Parallel()
	h, r := report(t)
	page := string(HTML(h, r, made))
	for _, foreign := range []string{"<script", "src=", "href=", "@import", "url("} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page contains %s", foreign)
		}
	}
	if n := strings.Count(page, "http"); n != strings.Count(page, `xmlns="http://www.w3.org/2000/svg"`) {
		t.Errorf("%d addresses", n)
	}
	if got := strings.Count(page, "<svg"); got != 4 {
		t.Errorf("%d pictures, want reliability, gain, features and intervals", got)
	}
}

// TestPicturesAreXML: what a browser forgives elsewhere breaks a picture.
func TestPicturesAreXML(t *testing.T) {
	t.Parallel()
	_, r := report(t)
	r.Metrics[0].Estimator = `a "quoted" <name> & more`
	for _, m := range r.Metrics {
		m.Estimator = strings.Clone(m.Estimator)
	}
	r.Top[0].Feature = `<script>alert("x")</script>`
	for name, p := range map[string]*plot{"reliability": reliabilityPlot(r), "gain": gainPlot(r), "features": topPlot(r), "intervals": intervalPlot(r)} {
		d := xml.NewDecoder(strings.NewReader(p.SVG()))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	if page := string(HTML(models.Header{Task: "churn"}, r, Made{})); strings.Contains(page, "<script>") {
		t.Error("a name became markup")
	}
}

// TestLittleKnown: a report without a judgement still makes a card that says so.
func TestLittleKnown(t *testing.T) {
	t.Parallel()
	r := learn.Report{Split: "Learned from 2011-01-01.", Verdict: gate.Decide(
		[]gate.Finding{{Gate: gate.Minimum, Severity: gate.Error, Message: "a model takes 100."}}, gate.Available{Rule: true})}
	for name, page := range map[string][]byte{"markdown": Markdown(models.Header{Task: "churn", Version: "v"}, r, Made{}), "html": HTML(models.Header{Task: "churn", Version: "v"}, r, Made{})} {
		for _, want := range []string{"Churn v", "best simple rule, not from a model", "minimum data: a model takes 100."} {
			if !bytes.Contains(page, []byte(want)) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
		if bytes.Contains(page, []byte("NaN")) || bytes.Contains(page, []byte("Reliability")) {
			t.Errorf("%s shows what there is not", name)
		}
	}
	for use, want := range map[string]string{gate.UseChampion: "Refused", gate.UseNone: "Nothing can score", gate.UseChallenger: "in use"} {
		r.Verdict = gate.Verdict{Use: use}
		if page := Markdown(models.Header{}, r, Made{}); !bytes.Contains(page, []byte(want)) {
			t.Errorf("%s: %s", use, page)
		}
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s    scale
		n    int
		want []float64
	}{
		{scale{low: 0, high: 1}, 5, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{scale{low: 0, high: 0.3}, 5, []float64{0, 0.1, 0.2, 0.3}},
		{scale{low: 0.5, high: 0.8}, 6, []float64{0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8}},
	} {
		got := c.s.ticks(c.n)
		same := len(got) == len(c.want)
		for i := range got {
			same = same && got[i]-c.want[i] < 1e-9 && c.want[i]-got[i] < 1e-9
		}
		if !same {
			t.Errorf("ticks of %v: %v, want %v", c.s, got, c.want)
		}
	}
}
