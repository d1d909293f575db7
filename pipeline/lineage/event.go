// Package lineage tells a catalogue of data, in OpenLineage's run events, which job of a
// night made which table from which others.
package lineage

import (
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
)

// producer names the program that sends an event.
const producer = "https://github.com/mainstay-etl/mainstay"

// Where the parts of an event are specified.
const (
	eventSchema = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
	facetSchema = "https://openlineage.io/spec/facets/"
)

// Event types.
const (
	start    = "START"
	complete = "COMPLETE"
	fail     = "FAIL"
	abort    = "ABORT"
)

// facets are the facets of something by their names.
type facets map[string]map[string]any

// put adds a facet of a version of its specification, such as 1-0-1/ParentRunFacet.
func (f facets) put(name, spec string, fields map[string]any) {
	_, kind, _ := cutSpec(spec)
	fields["_producer"], fields["_schemaURL"] = producer, facetSchema+spec+".json#/$defs/"+kind
	f[name] = fields
}

type event struct {
	EventType string    `json:"eventType"`
	EventTime time.Time `json:"eventTime"`
	Run       run       `json:"run"`
	Job       job       `json:"job"`
	Inputs    []dataset `json:"inputs"`
	Outputs   []dataset `json:"outputs"`
	Producer  string    `json:"producer"`
	SchemaURL string    `json:"schemaURL"`
}

type run struct {
	RunID  string `json:"runId"`
	Facets facets `json:"facets"`
}

type job struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Facets    facets `json:"facets"`
}

type dataset struct {
	Namespace    string `json:"namespace"`
	Name         string `json:"name"`
	Facets       facets `json:"facets,omitempty"`
	OutputFacets facets `json:"outputFacets,omitempty"`
}

// Dataset is something that is read or made outside of a night.
type Dataset struct{ Namespace, Name string }

// Field is a column of a table.
type Field struct{ Name, Description string }

// Description is what is known of a job besides the job itself.
type Description struct {
	SQL    string    // "": it is not made by SQL
	Reads  []Dataset // where its rows come from, besides tables of the night
	Fields []Field   // of its table, as far as they are described
}

// jobRun is the run of a job, or of the night itself.
type jobRun struct {
	id      string
	started time.Time
}

// table names a table of a night.
func (e *Emitter) table(name string) dataset {
	return dataset{Namespace: "mainstay://" + e.o.Namespace, Name: name}
}

// nightEvent is an event of the night itself.
func (e *Emitter) nightEvent(kind string, at time.Time) event {
	f := e.runFacets()
	j := job{Namespace: e.o.Namespace, Name: "night", Facets: facets{}}
	j.Facets.put("jobType", "2-0-3/JobTypeJobFacet", map[string]any{"processingType": "BATCH", "integration": "MAINSTAY", "jobType": "DAG"})
	return e.event(kind, at, run{e.night.id, f}, j)
}

func (e *Emitter) event(kind string, at time.Time, r run, j job) event {
	return event{EventType: kind, EventTime: at.UTC(), Run: r, Job: j, Inputs: []dataset{}, Outputs: []dataset{}, Producer: producer, SchemaURL: eventSchema}
}

// runFacets are those that all runs have.
func (e *Emitter) runFacets() facets {
	f := facets{}
	f.put("processing_engine", "1-1-1/ProcessingEngineRunFacet", map[string]any{"name": "mainstay", "version": e.o.Version})
	f.put("nominalTime", "1-0-1/NominalTimeRunFacet", map[string]any{"nominalStartTime": e.cutoff.UTC().Format(time.RFC3339)})
	return f
}

// jobEvent is an event of one job.
func (e *Emitter) jobEvent(kind string, at time.Time, j pipeline.Job, r jobRun) event {
	f := e.runFacets()
	f.put("parent", "1-0-1/ParentRunFacet", map[string]any{"run": map[string]any{"runId": e.night.id}, "job": map[string]any{"namespace": e.o.Namespace, "name": "night"}})
	of := job{Namespace: e.o.Namespace, Name: "night." + j.Name, Facets: facets{}}
	about := e.o.Describe(j)
	jobType := "JOB"
	if about.SQL != "" {
		jobType = "QUERY"
		of.Facets.put("sql", "1-0-1/SQLJobFacet", map[string]any{"query": about.SQL})
	}
	of.Facets.put("jobType", "2-0-3/JobTypeJobFacet", map[string]any{"processingType": "BATCH", "integration": "MAINSTAY", "jobType": jobType})
	if j.About != "" {
		of.Facets.put("documentation", "1-0-1/DocumentationJobFacet", map[string]any{"description": j.About})
	}
	ev := e.event(kind, at, run{r.id, f}, of)
	for _, need := range j.Needs {
		ev.Inputs = append(ev.Inputs, e.table(need))
	}
	for _, d := range about.Reads {
		ev.Inputs = append(ev.Inputs, dataset{Namespace: d.Namespace, Name: d.Name})
	}
	ev.Outputs = append(ev.Outputs, e.output(j, about))
	return ev
}

// output is the table that a job makes.
func (e *Emitter) output(j pipeline.Job, about Description) dataset {
	out := e.table(j.Name)
	out.Facets = facets{}
	if j.About != "" {
		out.Facets.put("documentation", "1-0-1/DocumentationDatasetFacet", map[string]any{"description": j.About})
	}
	if len(about.Fields) > 0 {
		fields := make([]map[string]any, len(about.Fields))
		for i, f := range about.Fields {
			fields[i] = map[string]any{"name": f.Name}
			if f.Description != "" {
				fields[i]["description"] = f.Description
			}
		}
		out.Facets.put("schema", "1-1-1/SchemaDatasetFacet", map[string]any{"fields": fields})
	}
	return out
}
