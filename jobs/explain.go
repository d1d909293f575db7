package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/explain"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/models/rows"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// Story is how a customer came to its published scores.
type Story struct {
	Customer string
	AsOf     string
	Night    int64
	Scores   []ScoreStory // churn first, then categories, likeliest first
	Events   []Events     // the source rows behind it: orders, interactions, payments, versions of master data
}

// ScoreStory is one published score, computed again from what it was made of.
type ScoreStory struct {
	Task, Category string
	Published      float64
	Again          float64 // computed from the model file and the published features
	Version        string
	Model          string // kind of the model, or the rule
	LearnedUntil   string // last cutoff that it learned from
	Base           float64
	Effects        []FeatureEffect // largest first
	Topics         []TopicEffect   // the same, added up by topic
}

// FeatureEffect is what one feature did to a score, in log-odds.
type FeatureEffect struct {
	Feature, Topic string
	Value          float64 // NaN: not known
	Effect         float64
	Sentence       string
}

// TopicEffect is the sum of the effects of a topic's features.
type TopicEffect struct {
	Topic  string
	Effect float64
}

// Events are the rows of a contract table that were known of a customer.
type Events struct {
	Table  string
	Total  int64
	Latest []EventRow
}

// EventRow is a row and where it came from.
type EventRow struct {
	At, What      string
	Source, Input string
	Record        int64
}

// ExplainOptions choose what is told.
type ExplainOptions struct {
	AsOf     pipeline.Day // zero: the latest published night
	Category string       // only this category; "": the likeliest three
	Rows     int          // source rows per table, newest first
}

// Explain tells how a customer came to its scores: it computes them again from the model
// and the features that were published, and finds the source rows behind them. It changes
// nothing.
func Explain(ctx context.Context, p *Project, customer string, o ExplainOptions) (*Story, error) {
	l, err := ledger.OpenExisting(ctx, p.DataDir)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	night, err := publishedNight(ctx, l, o.AsOf)
	if err != nil {
		return nil, err
	}
	e := &explanation{p: p, dir: filepath.Join(p.DataDir, night.Directory), customer: customer, options: o, words: p.wordings()}
	if e.scratch, err = os.MkdirTemp("", "mainstay-explain-"); err != nil {
		return nil, fmt.Errorf("creating scratch directory: %w", err)
	}
	defer os.RemoveAll(e.scratch)
	if e.s, err = duck.Open(ctx, duck.Options{}); err != nil {
		return nil, err
	}
	defer e.s.Close()
	story := &Story{Customer: customer, AsOf: night.AsOf, Night: night.ID}
	for _, pr := range predictions() {
		scores, err := e.scores(ctx, pr)
		if err != nil {
			return nil, err
		}
		story.Scores = append(story.Scores, scores...)
	}
	if story.Events, err = e.events(ctx, &lake.Lake{Dir: p.DataDir, Ledger: l}, night); err != nil {
		return nil, err
	}
	if len(story.Scores) == 0 && !slices.ContainsFunc(story.Events, func(ev Events) bool { return ev.Total > 0 }) {
		return nil, fmt.Errorf("nothing is known of customer %q before %s: is the id written as in the source? See `mainstay query \"SELECT customer_id FROM churn_scores LIMIT 5\"`", customer, night.AsOf)
	}
	return story, nil
}

// publishedNight is the published night of a day, or the latest one.
func publishedNight(ctx context.Context, l *ledger.Ledger, day pipeline.Day) (ledger.Night, error) {
	nights, err := l.PublishedNights(ctx)
	if err != nil {
		return ledger.Night{}, err
	}
	for _, n := range slices.Backward(nights) {
		if day.IsZero() || n.AsOf == day.String() {
			return n, nil
		}
	}
	if day.IsZero() {
		return ledger.Night{}, errors.New("no night is published yet: `mainstay run` makes one")
	}
	return ledger.Night{}, fmt.Errorf("no night of %s is published; `mainstay nights` lists them", day)
}

// explanation is the state of one Explain.
type explanation struct {
	p        *Project
	dir      string // published tables of the night
	scratch  string
	customer string
	options  ExplainOptions
	words    explain.Wordings
	s        *duck.Session
}

// scores explains what a task predicted for the customer; none when it was not scored.
func (e *explanation) scores(ctx context.Context, pr prediction) ([]ScoreStory, error) {
	was, err := inService(ctx, e.dir, pr.task.Name)
	if err != nil || was.file == "" {
		return nil, err
	}
	snapshot, n, err := e.snapshot(ctx, pr)
	if err != nil || n == 0 {
		return nil, err
	}
	m, err := learn.Load(pr.task, filepath.Join(e.p.DataDir, filepath.FromSlash(was.file)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the model %s that scored is gone (%s): the score cannot be computed again", was.version, was.file)
	}
	if err != nil {
		return nil, err
	}
	f, err := rows.Reader{Keys: pr.task.Keys, Label: pr.task.Label}.Features(ctx, snapshot)
	if err != nil {
		return nil, err
	}
	if f, err = f.Project(m.Estimator.Features()); err != nil {
		return nil, err
	}
	again, err := m.Probability(f)
	if err != nil {
		return nil, err
	}
	published, err := e.published(ctx, pr)
	if err != nil {
		return nil, err
	}
	var out []ScoreStory
	for i, p := range again {
		st, err := e.story(pr, m, f, i)
		if err != nil {
			return nil, err
		}
		st.Again, st.Published = p, published[st.Category]
		out = append(out, st)
	}
	slices.SortStableFunc(out, func(a, b ScoreStory) int { return cmp.Compare(b.Again, a.Again) })
	if e.options.Category != "" && len(pr.task.Keys) > 1 {
		of := slices.IndexFunc(out, func(s ScoreStory) bool { return s.Category == e.options.Category })
		if of < 0 {
			return nil, fmt.Errorf("category %q was not offered to customer %q: it is bought already, or no such category is offered", e.options.Category, e.customer)
		}
		out = out[of : of+1]
	} else if pr.task.ExplainTop > 0 && len(out) > pr.task.ExplainTop {
		out = out[:pr.task.ExplainTop]
	}
	return out, nil
}

// snapshot copies the customer's rows out of the published feature tables.
func (e *explanation) snapshot(ctx context.Context, pr prediction) (models.Snapshot, int64, error) {
	var s models.Snapshot
	n := int64(0)
	for _, name := range pr.features {
		path := filepath.Join(e.scratch, name+".parquet")
		query := fmt.Sprintf("SELECT * FROM %s WHERE customer_id = %s", duck.ReadParquet([]string{filepath.Join(e.dir, name+".parquet")}), duck.Quote(e.customer))
		rows, err := e.s.WriteParquet(ctx, query, path)
		if err != nil {
			return s, 0, err
		}
		n = rows
		switch name {
		case customerFeatures:
			s.CustomerFeatures = path
		case customerCategoryFeatures:
			s.CategoryFeatures = path
		}
	}
	return s, n, nil
}

// published are the customer's scores as analysts see them, by category.
func (e *explanation) published(ctx context.Context, pr prediction) (map[string]float64, error) {
	where := scoreTables[pr.task.Name]
	category := "''"
	if len(pr.task.Keys) > 1 {
		category = pr.task.Keys[1]
	}
	res, err := e.s.Query(ctx, fmt.Sprintf("SELECT %s, %s FROM %s WHERE customer_id = %s", category, where[1], duck.ReadParquet([]string{filepath.Join(e.dir, where[0]+".parquet")}), duck.Quote(e.customer)))
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for _, row := range res.Rows {
		name, _ := row[0].(string)
		out[name], _ = row[1].(float64)
	}
	return out, nil
}

func (e *explanation) story(pr prediction, m *learn.Model, f *models.Frame, row int) (ScoreStory, error) {
	st := ScoreStory{Task: pr.task.Name, Version: m.Header.Version, Model: m.Label()}
	if cutoffs := m.Header.Cutoffs; len(cutoffs) > 0 {
		st.LearnedUntil = cutoffs[len(cutoffs)-1]
	}
	if len(pr.task.Keys) > 1 {
		st.Category = f.Keys()[1].At(row)
	}
	effects := make([]float64, len(f.Features()))
	var err error
	if st.Base, err = m.Explain(f, row, effects); err != nil {
		return st, err
	}
	topics := map[string]float64{}
	for j, effect := range effects {
		name, value := f.Features()[j], f.Column(j).At(row)
		topic := e.words[name].Topic
		direction := explain.Raises
		if effect < 0 {
			direction = explain.Lowers
		}
		st.Effects = append(st.Effects, FeatureEffect{Feature: name, Topic: topic, Value: value, Effect: effect,
			Sentence: e.words.Sentence(name, explain.Reason{Feature: j, Value: value, Effect: effect, Direction: direction}, pr.task.Of)})
		topics[topic] += effect
	}
	slices.SortStableFunc(st.Effects, func(a, b FeatureEffect) int { return cmp.Compare(math.Abs(b.Effect), math.Abs(a.Effect)) })
	for topic, effect := range topics {
		st.Topics = append(st.Topics, TopicEffect{topic, effect})
	}
	slices.SortFunc(st.Topics, func(a, b TopicEffect) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Effect), math.Abs(a.Effect)), strings.Compare(a.Topic, b.Topic))
	})
	return st, nil
}

// behind are the contract tables whose rows are told of a customer, in this order, with
// what a row is about in SQL.
var behind = []struct{ table, what string }{
	{contract.Orders.Name, "concat_ws(' ', 'order', order_id || ',', 'line', line_id || ':', quantity::DOUBLE, 'x', product_id, 'at', unit_price::DOUBLE)"},
	{contract.Interactions.Name, "concat_ws(' ', kind, product_id, amount::DOUBLE)"},
	{contract.Payments.Name, "concat_ws(', ', 'invoice ' || payment_id || ': ' || amount::DOUBLE, 'order ' || order_id, 'due ' || due_on::VARCHAR, " +
		"CASE WHEN paid_at IS NULL THEN 'not paid yet' ELSE concat_ws(' ', 'paid', paid_amount::DOUBLE, 'on', paid_at::DATE::VARCHAR) END)"},
	{contract.Customers.Name, "concat_ws(', ', 'known since', 'segment ' || segment, 'region ' || region, 'standing ' || standing::DOUBLE, 'key contact ' || key_contact)"},
}

// events finds the customer's rows in the lake, as it is today, before the cutoff. Of an
// invoice that is what was known by then; of the customer's master data, every version.
func (e *explanation) events(ctx context.Context, l *lake.Lake, night ledger.Night) ([]Events, error) {
	day, err := pipeline.ParseDay(night.AsOf)
	if err != nil {
		return nil, err
	}
	inputs, err := e.inputs(ctx, l.Ledger)
	if err != nil {
		return nil, err
	}
	var out []Events
	for _, b := range behind {
		name := b.table
		t, err := l.Table(ctx, name)
		if err != nil {
			return nil, err
		}
		ev := Events{Table: name}
		if len(t.Files) > 0 {
			from := fmt.Sprintf("(%s) WHERE customer_id = %s", t.Traced(lake.Window{To: day.Start(e.p.Config.Location())}, string(e.p.Config.TimeZone)), duck.Quote(e.customer))
			if err := e.s.Scan(ctx, "SELECT count(*) FROM "+from, &ev.Total); err != nil {
				return nil, err
			}
			res, err := e.s.Query(ctx, fmt.Sprintf("SELECT strftime(%s, '%%Y-%%m-%%d %%H:%%M:%%S'), %s, %s, %s FROM %s ORDER BY %s DESC, %[3]s DESC, %[4]s DESC LIMIT %[7]d",
				t.EventTime, b.what, contract.ColInput, contract.ColRow, from, t.EventTime, e.options.Rows))
			if err != nil {
				return nil, err
			}
			for _, row := range res.Rows {
				var r EventRow
				r.At, _ = row[0].(string)
				r.What, _ = row[1].(string)
				id, _ := row[2].(int64)
				r.Record, _ = row[3].(int64)
				r.Source, r.Input = inputs[id].Source, inputs[id].Name
				ev.Latest = append(ev.Latest, r)
			}
		}
		out = append(out, ev)
	}
	return out, nil
}

func (e *explanation) inputs(ctx context.Context, l *ledger.Ledger) (map[int64]ledger.Input, error) {
	out := map[int64]ledger.Input{}
	for _, src := range e.p.Config.Sources {
		inputs, err := l.Inputs(ctx, src.Name)
		if err != nil {
			return nil, err
		}
		for _, in := range inputs {
			out[in.ID] = in
		}
	}
	return out, nil
}
