package lineage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/post"
)

// required are the fields that the JSON schemas of OpenLineage demand: of the event and
// its parts (OpenLineage.json 2-0-2: RunEvent, Run, Job, Dataset, BaseFacet), and of the
// facets that are sent, by the name of their specification.
var required = map[string][]string{
	"RunEvent": {"eventTime", "producer", "schemaURL", "run", "job"},
	"Run":      {"runId"},
	"Job":      {"namespace", "name"},
	"Dataset":  {"namespace", "name"},

	"ParentRunFacet":                     {"run", "job"},
	"NominalTimeRunFacet":                {"nominalStartTime"},
	"ProcessingEngineRunFacet":           {"version"},
	"ErrorMessageRunFacet":               {"message", "programmingLanguage"},
	"JobTypeJobFacet":                    {"processingType", "integration"},
	"SQLJobFacet":                        {"query"},
	"DocumentationJobFacet":              {"description"},
	"DocumentationDatasetFacet":          {"description"},
	"SchemaDatasetFacet":                 {"fields"},
	"OutputStatisticsOutputDatasetFacet": {"rowCount"},
}

// kinds are the names that facets go by, per what they are of.
var kinds = map[string]string{
	"parent": "ParentRunFacet", "nominalTime": "NominalTimeRunFacet", "processing_engine": "ProcessingEngineRunFacet", "errorMessage": "ErrorMessageRunFacet",
	"jobType": "JobTypeJobFacet", "sql": "SQLJobFacet", "schema": "SchemaDatasetFacet", "outputStatistics": "OutputStatisticsOutputDatasetFacet",
	"documentation": "Documentation(Job|Dataset)Facet",
}

var (
	uuidText  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	schemaURL = regexp.MustCompile(`^https://openlineage\.io/spec/facets/\d+-\d+-\d+/(\w+)\.json#/\$defs/(\w+)$`)
)

// valid fails the test unless an event has what the schemas demand.
func valid(t *testing.T, e map[string]any) {
	t.Helper()
	has := func(what string, m map[string]any) {
		t.Helper()
		for _, key := range required[what] {
			if m[key] == nil || m[key] == "" {
				t.Errorf("%s: %s is missing in %v", what, key, m)
			}
		}
	}
	facets := func(of any) {
		t.Helper()
		all, _ := of.(map[string]any)
		for name, f := range all {
			f := f.(map[string]any)
			address := schemaURL.FindStringSubmatch(fmt.Sprint(f["_schemaURL"]))
			if address == nil || address[1] != address[2] || !regexp.MustCompile("^"+kinds[name]+"$").MatchString(address[1]) {
				t.Errorf("facet %s: _schemaURL %v", name, f["_schemaURL"])
				continue
			}
			if _, err := url.ParseRequestURI(fmt.Sprint(f["_producer"])); err != nil {
				t.Errorf("facet %s: _producer: %v", name, err)
			}
			has(address[1], f)
		}
	}
	has("RunEvent", e)
	if !slices.Contains([]string{"START", "COMPLETE", "FAIL", "ABORT"}, fmt.Sprint(e["eventType"])) {
		t.Errorf("eventType %v", e["eventType"])
	}
	if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(e["eventTime"])); err != nil {
		t.Error(err)
	}
	run, job := e["run"].(map[string]any), e["job"].(map[string]any)
	has("Run", run)
	has("Job", job)
	if !uuidText.MatchString(fmt.Sprint(run["runId"])) {
		t.Errorf("runId %v", run["runId"])
	}
	facets(run["facets"])
	facets(job["facets"])
	for _, side := range []string{"inputs", "outputs"} {
		for _, d := range e[side].([]any) {
			d := d.(map[string]any)
			has("Dataset", d)
			facets(d["facets"])
			facets(d["outputFacets"])
		}
	}
}

// night plays a night of four jobs, of which the third fails and the fourth is stopped.
func night(t *testing.T, o Options) error {
	t.Helper()
	o.Namespace, o.Version, o.Timeout = "shop", "1.2", max(o.Timeout, 2*time.Second)
	o.Describe = func(j pipeline.Job) Description {
		switch j.Name {
		case "extract_shop":
			return Description{Reads: []Dataset{{"postgres://db:5432", "shop.orders"}}}
		case "scores":
			return Description{SQL: "SELECT 1", Fields: []Field{{"customer_id", "Who."}, {"p", ""}}}
		}
		return Description{}
	}
	e, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	day, err := pipeline.ParseDay("2024-03-02")
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	jobs := []pipeline.Job{{Name: "extract_shop", Kind: pipeline.Extract}, {Name: "scores", Needs: []string{"extract_shop"}, About: "The scores."}, {Name: "bad", Needs: []string{"scores"}}, {Name: "late"}}
	e.NightStarted(&pipeline.Night{ID: 1, AsOf: day, Zone: berlin}, jobs)
	var wg sync.WaitGroup
	for i, r := range []ledger.JobResult{{Status: ledger.JobDone, Rows: 7}, {Status: ledger.JobReused, Rows: 0}, {Status: ledger.JobFailed}, {Status: ledger.JobSkipped}} {
		wg.Go(func() {
			e.JobStarted(jobs[i])
			e.JobProgress(jobs[i], 1, 2, "half")
			var err error
			if i >= 2 {
				err = fmt.Errorf("the disk is full")
			}
			e.JobEnded(jobs[i], r, err)
		})
	}
	wg.Wait()
	e.NightEnded()
	return e.Close(errors.New("job bad: the disk is full"))
}

func TestEvents(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var posted []string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		posted = append(posted, string(text))
	}))
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "new", "lineage.jsonl")
	for range 2 { // a second night is appended
		if err := night(t, Options{File: file, To: post.Target{URL: s.URL}}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 20 || !slices.Equal(lines, posted) {
		t.Fatalf("%d lines in the file, %d events posted, want 20", len(lines), len(posted))
	}
	last := map[string]map[string]any{} // event by job and type
	runs := map[string]string{}
	for _, line := range lines[10:] {
		e := map[string]any{}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		valid(t, e)
		name, id := e["job"].(map[string]any)["name"].(string), e["run"].(map[string]any)["runId"].(string)
		if runs[name] != "" && runs[name] != id {
			t.Errorf("%s has two runs", name)
		}
		runs[name] = id
		last[name+" "+e["eventType"].(string)] = e
	}
	if len(runs) != 5 || len(last) != 10 {
		t.Errorf("runs %v", runs)
	}
	for _, want := range []string{"night START", "night FAIL", "night.extract_shop COMPLETE", "night.scores COMPLETE", "night.bad FAIL", "night.late ABORT"} {
		if last[want] == nil {
			t.Errorf("no event %s", want)
		}
	}
	text, _ = json.Marshal(last["night.scores COMPLETE"])
	for _, want := range []string{`"inputs":[{"name":"extract_shop","namespace":"mainstay://shop"}]`, `"rowCount":0`, `"query":"SELECT 1"`, `{"description":"Who.","name":"customer_id"},{"name":"p"}`,
		`"nominalStartTime":"2024-03-01T23:00:00Z"`, `"runId":"` + runs["night"] + `"`, `"description":"The scores."`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	text, _ = json.Marshal(last["night.extract_shop COMPLETE"])
	if !strings.Contains(string(text), `"inputs":[{"name":"shop.orders","namespace":"postgres://db:5432"}]`) || !strings.Contains(string(text), `"rowCount":7`) {
		t.Errorf("got %s", text)
	}
	text, _ = json.Marshal(last["night.bad FAIL"])
	if !strings.Contains(string(text), `"message":"the disk is full"`) || strings.Contains(string(text), "rowCount") {
		t.Errorf("got %s", text)
	}
}

// A service that hangs or refuses costs events, and not more time than was given.
func TestServiceThatFails(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(stop) })
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(refuses.Close)
	for name, address := range map[string]string{"hangs": hangs.URL, "refuses": refuses.URL + "/s3cret-path", "nobody": "http://127.0.0.1:1/s3cret-path"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "l.jsonl")
			from := time.Now()
			err := night(t, Options{File: file, To: post.Target{URL: address}})
			if err == nil || !strings.Contains(err.Error(), "10 events of lineage were not sent") || strings.Contains(err.Error(), "s3cret") || time.Since(from) > 6*time.Second {
				t.Errorf("after %v: %v", time.Since(from), err)
			}
		})
	}
	if _, err := New(t.Context(), Options{File: filepath.Join(t.TempDir(), "x", "..", "\x00")}); err == nil {
		t.Error("no error for a file that cannot be")
	}
}

// Events of a night that was told to stop are sent.
func TestNightThatStops(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "l.jsonl")
	ctx, cancel := context.WithCancel(t.Context())
	e, err := New(ctx, Options{File: file, Timeout: time.Second, Describe: func(pipeline.Job) Description { return Description{} }})
	if err != nil {
		t.Fatal(err)
	}
	day, _ := pipeline.ParseDay("2024-03-02")
	e.NightStarted(&pipeline.Night{AsOf: day, Zone: time.UTC}, nil)
	cancel()
	if err := e.Close(fmt.Errorf("stopped: %w", context.Canceled)); err != nil {
		t.Error(err)
	}
	text, _ := os.ReadFile(file)
	if n := strings.Count(string(text), "\n"); n != 2 || !strings.Contains(string(text), `"eventType":"ABORT"`) {
		t.Errorf("%d events: %s", n, text)
	}
	if e, _ := New(t.Context(), Options{}); e.Close(nil) != nil { // of a night that never began
		t.Error("an error, though there was nothing to send")
	}
}
