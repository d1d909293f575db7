package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/models/explain"
)

// explainFlags choose how much is told.
type explainFlags struct {
	projectFlags
	asOf, category string
	features, rows int
	json           bool
}

func newExplainCommand() *cobra.Command {
	var o explainFlags
	c := &cobra.Command{
		Use:   "explain CUSTOMER",
		Short: "Tell how a customer came to its scores",
		Long: `Compute a customer's published scores again, from the model file and the published
features, and tell what moved them: topic by topic and feature by feature, in
log-odds (+0.69 doubles the odds), down to the source rows that the features were
counted from: orders, interactions, invoices as they stood, and the versions of the
customer's master data. Base and effects add up to the score exactly.

When the score computed again is not the published one, something was changed since:
that is an error.`,
		Example: `  mainstay explain 17850
  mainstay explain 17850 --category LANTERN --features 20
  mainstay explain C000042 --as-of 2024-12-01 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return runExplain(c.Context(), c.OutOrStdout(), o, args[0])
		},
	}
	o.add(c)
	c.Flags().StringVar(&o.asOf, "as-of", "", "`day` (YYYY-MM-DD) of the published night (default: the latest)")
	c.Flags().StringVar(&o.category, "category", "", "explain the offer of this category (default: the likeliest three)")
	c.Flags().IntVar(&o.features, "features", 8, "how many features to show per score; 0 shows all")
	c.Flags().IntVar(&o.rows, "rows", 10, "how many source rows to show per table, newest first")
	c.Flags().BoolVar(&o.json, "json", false, "everything as JSON")
	return c
}

func runExplain(ctx context.Context, out io.Writer, o explainFlags, customer string) error {
	if o.features < 0 || o.rows < 0 {
		return usageError{fmt.Errorf("--features and --rows count things: they cannot be negative")}
	}
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	options := jobs.ExplainOptions{Category: o.category, Rows: o.rows}
	if o.asOf != "" {
		if options.AsOf, err = (runOptions{asOf: o.asOf}).day(p); err != nil {
			return err
		}
	}
	story, err := jobs.Explain(ctx, p, customer, options)
	if err != nil {
		return err
	}
	if o.json {
		err = writeStoryJSON(out, story)
	} else {
		err = writeStory(out, story, o.features)
	}
	if err != nil {
		return err
	}
	for _, s := range story.Scores {
		if math.Abs(s.Again-s.Published) > 1e-9 {
			return fmt.Errorf("the %s score computed again is %.9f, published was %.9f: the model file or the published tables of %s were changed", s.Task, s.Again, s.Published, story.AsOf)
		}
	}
	return nil
}

func writeStory(out io.Writer, s *jobs.Story, features int) error {
	fmt.Fprintf(out, "Customer %s as of %s (night %d)\n", s.Customer, s.AsOf, s.Night)
	if len(s.Scores) == 0 {
		fmt.Fprintln(out, "\nNot scored: no order in the lookback window before that day, or no model yet.")
	}
	for _, score := range s.Scores {
		if err := writeScore(out, score, features); err != nil {
			return err
		}
	}
	for _, e := range s.Events {
		if e.Total == 0 {
			continue
		}
		fmt.Fprintf(out, "\nSource rows: %s %s", thousands(e.Total), e.Table)
		if int64(len(e.Latest)) < e.Total {
			fmt.Fprintf(out, ", the latest %d", len(e.Latest))
		}
		fmt.Fprintln(out)
		tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, r := range e.Latest {
			fmt.Fprintf(tw, "  %s\t%s\t%s, %s, record %d\n", r.At, r.What, r.Source, r.Input, r.Record)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// scoreTitles say what a task predicts.
func scoreTitle(s jobs.ScoreStory) string {
	if s.Category != "" {
		return "Buys " + s.Category
	}
	return "Churn"
}

func writeScore(out io.Writer, s jobs.ScoreStory, features int) error {
	fmt.Fprintf(out, "\n%s: %.1f %%  (%s, version %s, learned from cutoffs until %s)\n", scoreTitle(s), 100*s.Published, s.Model, s.Version, s.LearnedUntil)
	fmt.Fprintf(out, "  base %.1f %%, and by topic, in log-odds:", 100/(1+math.Exp(-s.Base)))
	for i, t := range s.Topics {
		if t.Effect == 0 || i == 6 {
			break
		}
		fmt.Fprintf(out, " %s %+.2f", strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(t.Topic, "customer_"), "category_"), "_", " "), t.Effect)
	}
	fmt.Fprintln(out)
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "  EFFECT\tFEATURE\tVALUE\tIN WORDS\t")
	rest, n := 0.0, 0
	for i, e := range s.Effects {
		if features > 0 && i >= features || e.Effect == 0 {
			rest += e.Effect
			n++
			continue
		}
		fmt.Fprintf(tw, "  %+.3f\t%s\t%s\t%s\t\n", e.Effect, e.Feature, valueText(e.Value), e.Sentence)
	}
	if n > 0 {
		fmt.Fprintf(tw, "  %+.3f\t%d others\t\t\t\n", rest, n)
	}
	return tw.Flush()
}

func valueText(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return explain.Format(v, "")
}

// writeStoryJSON writes everything; a value that is not known is null.
func writeStoryJSON(out io.Writer, s *jobs.Story) error {
	type effect struct {
		Feature  string   `json:"feature"`
		Topic    string   `json:"topic"`
		Value    *float64 `json:"value"`
		Effect   float64  `json:"effect"`
		Sentence string   `json:"sentence"`
	}
	type score struct {
		Task        string             `json:"task"`
		Category    string             `json:"category,omitempty"`
		Probability float64            `json:"probability"`
		Again       float64            `json:"computed_again"`
		Model       string             `json:"model"`
		Version     string             `json:"model_version"`
		Base        float64            `json:"base"`
		Topics      map[string]float64 `json:"topics"`
		Effects     []effect           `json:"effects"`
	}
	var told struct {
		Customer string        `json:"customer_id"`
		AsOf     string        `json:"as_of"`
		Night    int64         `json:"night"`
		Scores   []score       `json:"scores"`
		Events   []jobs.Events `json:"events"`
	}
	told.Customer, told.AsOf, told.Night, told.Events = s.Customer, s.AsOf, s.Night, s.Events
	for _, from := range s.Scores {
		to := score{Task: from.Task, Category: from.Category, Probability: from.Published, Again: from.Again, Model: from.Model, Version: from.Version, Base: from.Base, Topics: map[string]float64{}}
		for _, t := range from.Topics {
			to.Topics[t.Topic] = t.Effect
		}
		for _, e := range from.Effects {
			out := effect{Feature: e.Feature, Topic: e.Topic, Effect: e.Effect, Sentence: e.Sentence}
			if !math.IsNaN(e.Value) {
				out.Value = &e.Value
			}
			to.Effects = append(to.Effects, out)
		}
		told.Scores = append(told.Scores, to)
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(told)
}
