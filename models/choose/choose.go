// Package choose picks one of several models by how well they predict rows that they did
// not learn from. It looks at the past of the one to be published only: nothing that
// later judges the winner takes part in choosing it.
package choose

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/blend"
	"github.com/mainstay-etl/mainstay/models/calibrate"
	"github.com/mainstay-etl/mainstay/models/eval"
	"github.com/mainstay-etl/mainstay/models/rows"
)

// Candidate is a way to make a model.
type Candidate struct {
	Name string                  // of kind and hyper-parameters: "linear c=0.01"
	New  func() models.Estimator // makes an unfitted one
	// Passes is about how often a fit looks at each value of its rows: its price.
	Passes float64
}

// Options say how to choose. Zero values mean the defaults.
type Options struct {
	HorizonDays int       // must be set: a fold is judged once all outcomes before it are known
	Seed        uint64    // of the folds by customer and of the thinning
	Threads     int       // default one per CPU; changes no result
	Work        float64   // bound on rows x features x passes over all fits, default DefaultWork
	Meter       *Meter    // told about progress; may be nil
	By          Criterion // what candidates are compared by, default ByLogLoss
}

// Tried is how one candidate did.
type Tried struct {
	Name   string          `json:"name"`
	Kind   string          `json:"kind"`
	Params json.RawMessage `json:"params"`
	// LogLoss is the mean over the folds of the log loss after the straight line in
	// log-odds that suits the fold best: what is published is calibrated, so a level
	// that is off alone costs nothing here.
	LogLoss float64 `json:"log_loss"`
	RawLoss float64 `json:"raw_log_loss"` // before that line
	AUC     float64 `json:"auc"`
	// Cost is its value of the criterion.
	Cost float64 `json:"cost"`
	// Behind is by how much Cost is worse than that of the chosen one (less than 0:
	// better), SE the standard error of that over customers.
	Behind float64 `json:"behind"`
	SE     float64 `json:"se"`
}

// Unseen are predictions for rows that the model had not learned from.
type Unseen struct {
	Day         string // cutoff of the rows; "" for folds by customer
	Learned     int    // rows that the model had learned from, after thinning; see Ripe
	Rows        rows.Rows
	Probability []float64 // as the model gives it, not calibrated
}

// Result is the choice and all that led to it.
type Result struct {
	Folds  []Fold    `json:"folds"`
	Work   Work      `json:"work"`
	By     Criterion `json:"by"`
	Tried  []Tried   `json:"tried"`
	Chosen string    `json:"chosen"`
	Why    string    `json:"why"`
	// Candidate is the chosen one and Unseen what it predicted in the folds.
	Candidate Candidate `json:"-"`
	Unseen    []Unseen  `json:"-"`
}

// Choose fits every candidate on every fold. Of each kind it picks the earliest in the
// list that is not worse than the kind's best by more than one standard error of the
// difference over customers: of settings that nobody can tell apart the firmest stands
// time best, so put the firmest first. Then the picks compete with each other and with
// the blends of them, which cost no fit. Of those that are within one standard error of
// the best the blend of most kinds wins: next season differs from the last, forecasts of
// unlike models fail in unlike ways, and the plain mean of good ones is rarely beaten by
// whichever looked best (Bates and Granger 1969; Clemen 1989).
//
// With one candidate there is nothing to choose, but its predictions are still made:
// calibration wants them. Without any fold (one outcome only, or too few customers)
// the first candidate is taken.
func Choose(ctx context.Context, parts []rows.Part, candidates []Candidate, o Options) (Result, error) {
	if len(candidates) == 0 {
		return Result{}, fmt.Errorf("choosing a model: there are no candidates")
	}
	r := &run{options: o, folds: plan(parts, o), width: len(parts[0].Rows.Frame.Features())}
	r.candidates, r.work = r.afford(candidates)
	r.members = slices.Repeat([]int{1}, len(r.candidates))
	for k := range r.folds {
		if err := r.try(ctx, &r.folds[k]); err != nil {
			return Result{}, err
		}
	}
	return r.choose()
}

// run is the state of one Choose.
type run struct {
	options    Options
	folds      []fold
	width      int // features
	candidates []Candidate
	members    []int // of each candidate: 1, or those of a blend
	work       Work
	judged     []judgedFold
	customers  int // in all judged folds
	by         Criterion
	costs      [][]float64 // of each candidate at each customer, see weigh
}

// judgedFold holds what the candidates predicted for a fold.
type judgedFold struct {
	fold     *fold
	rows     rows.Rows
	customer []int32     // number of each row's customer
	proba    [][]float64 // by candidate
	line     [][]float64 // the same after the fold's best straight line
}

// try fits all candidates on one fold.
func (r *run) try(ctx context.Context, f *fold) error {
	train, judge, err := f.rows(r.work.Share, r.options.Seed)
	if err != nil {
		return err
	}
	if !train.BothOutcomes() || !judge.BothOutcomes() {
		f.Skipped = "one outcome only"
		for _, c := range r.candidates {
			r.options.Meter.Part(f.price(c, r.width, r.work.Share))(1, 1)
		}
		return nil
	}
	f.TrainRows, f.JudgeRows = train.Len(), judge.Len()
	j := judgedFold{fold: f, rows: judge}
	for _, c := range r.candidates {
		e := c.New()
		t := train.Training(r.options.Threads)
		t.Progress = r.options.Meter.Part(f.price(c, r.width, r.work.Share))
		if err := e.Fit(ctx, t); err != nil {
			return fmt.Errorf("trying %s: %w", c.Name, err)
		}
		p, err := e.PredictProba(judge.Frame)
		if err != nil {
			return fmt.Errorf("trying %s: %w", c.Name, err)
		}
		j.proba = append(j.proba, p)
	}
	r.judged = append(r.judged, j)
	return nil
}

// choose compares the candidates and the blends of the best of each kind.
func (r *run) choose() (Result, error) {
	out := Result{Work: r.work}
	for _, f := range r.folds {
		out.Folds = append(out.Folds, f.Fold)
	}
	if len(r.judged) == 0 {
		out.Candidate, out.Chosen = r.candidates[0], r.candidates[0].Name
		out.Why = "Nothing could be compared: there is no pair of earlier and later outcomes, nor enough customers of both outcomes, to try on."
		return out, nil
	}
	r.number()
	for k := range r.judged {
		if err := r.judged[k].straighten(); err != nil {
			return out, err
		}
	}
	var err error
	if r.by, err = r.criterion(); err != nil {
		return out, err
	}
	out.By = r.by
	if out.Tried, err = r.score(0); err != nil {
		return out, err
	}
	kinds, best := r.firmest(out.Tried)
	if err := r.addBlends(kinds, best); err != nil {
		return out, err
	}
	more, err := r.score(len(out.Tried))
	if err != nil {
		return out, err
	}
	out.Tried = append(out.Tried, more...)
	at, why := r.decide(out.Tried, best)
	out.Candidate, out.Chosen, out.Why = r.candidates[at], r.candidates[at].Name, why
	for _, j := range r.judged {
		out.Unseen = append(out.Unseen, Unseen{Day: j.fold.day, Learned: j.fold.TrainRows, Rows: j.rows, Probability: j.proba[at]})
	}
	return out, nil
}

// straighten calibrates each candidate's predictions by the line that suits them best.
func (j *judgedFold) straighten() error {
	for k := len(j.line); k < len(j.proba); k++ {
		line, err := calibrate.FitPlatt(j.proba[k], j.rows.Labels, j.rows.Weights)
		if err != nil {
			return err
		}
		j.line = append(j.line, calibrate.All(line, j.proba[k]))
	}
	return nil
}

// score measures the candidates from the given one on.
func (r *run) score(from int) ([]Tried, error) {
	var out []Tried
	r.weigh()
	for k, c := range r.candidates[from:] {
		e := c.New()
		params, err := json.Marshal(e.Params())
		if err != nil {
			return nil, fmt.Errorf("describing %s: %w", c.Name, err)
		}
		t := Tried{Name: c.Name, Kind: e.Kind(), Params: params}
		for _, v := range r.costs[from+k] {
			t.Cost += v
		}
		for _, j := range r.judged {
			share := 1 / float64(len(r.judged))
			t.LogLoss += share * eval.WeightedLogLoss(j.rows.Labels, j.line[from+k], j.rows.Weights)
			t.RawLoss += share * eval.WeightedLogLoss(j.rows.Labels, j.proba[from+k], j.rows.Weights)
			t.AUC += share * eval.WeightedAUC(j.rows.Labels, j.proba[from+k], j.rows.Weights)
		}
		out = append(out, t)
	}
	return out, nil
}

// addBlends adds every blend of two or more of the best of each kind.
func (r *run) addBlends(kinds []string, best map[string]int) error {
	for size := 2; size <= len(kinds); size++ {
		for set := range 1 << len(kinds) {
			var members []int
			for b, kind := range kinds {
				if set>>b&1 == 1 {
					members = append(members, best[kind])
				}
			}
			if len(members) == size {
				r.addBlend(members)
			}
		}
	}
	for k := range r.judged {
		if err := r.judged[k].straighten(); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) addBlend(members []int) {
	c := Candidate{Name: "blend of "}
	var parts []Candidate
	for i, m := range members {
		if i > 0 {
			c.Name += " + "
		}
		c.Name += r.candidates[m].Name
		c.Passes += r.candidates[m].Passes
		parts = append(parts, r.candidates[m])
	}
	c.New = func() models.Estimator {
		var e []models.Estimator
		for _, p := range parts {
			e = append(e, p.New())
		}
		return blend.New(e...)
	}
	r.candidates, r.members = append(r.candidates, c), append(r.members, len(members))
	for k := range r.judged {
		j := &r.judged[k]
		var each [][]float64
		for _, m := range members {
			each = append(each, j.proba[m])
		}
		j.proba = append(j.proba, blend.Mean(each))
	}
}

// firmest picks of each kind the first candidate that is not behind the kind's best by
// more than one standard error of the difference.
func (r *run) firmest(tried []Tried) (kinds []string, pick map[string]int) {
	best := map[string]int{}
	for k, t := range tried {
		b, ok := best[t.Kind]
		if !ok {
			kinds = append(kinds, t.Kind)
		}
		if !ok || t.Cost < tried[b].Cost {
			best[t.Kind] = k
		}
	}
	pick = map[string]int{}
	for k, t := range tried {
		if _, ok := pick[t.Kind]; ok {
			continue
		}
		if behind, se := r.behind(k, best[t.Kind]); k == best[t.Kind] || behind <= se {
			pick[t.Kind] = k
		}
	}
	return kinds, pick
}

// decide compares the picks of the kinds and the blends of them, and says how far
// everybody else is behind the winner. Of those that are not behind the best by more than
// one standard error, the one of most members wins.
func (r *run) decide(tried []Tried, picks map[string]int) (at int, why string) {
	competes := func(k int) bool {
		pick, single := picks[tried[k].Kind]
		return !single || pick == k
	}
	best := -1
	for k, t := range tried {
		if competes(k) && (best < 0 || t.Cost < tried[best].Cost) {
			best = k
		}
	}
	at = best
	for k, t := range tried {
		if !competes(k) {
			continue
		}
		more := r.members[k] - r.members[at]
		if behind, se := r.behind(k, best); behind <= se && (more > 0 || more == 0 && t.Cost < tried[at].Cost) {
			at = k
		}
	}
	for k := range tried {
		tried[k].Behind, tried[k].SE = r.behind(k, at)
	}
	why = fmt.Sprintf("%s was best by %s, %.5f, of the firmest good setting of each kind and the blends of these", tried[best].Name, r.by, tried[best].Cost)
	if at != best {
		why += fmt.Sprintf("; %s cannot be told from it (%.5f) and spreads the risk over more kinds", tried[at].Name, tried[at].Cost)
	}
	return at, why + "."
}

// number gives the customers of all judged rows numbers; a row without a customer is one
// of its own.
func (r *run) number() {
	at := map[string]int32{}
	for k := range r.judged {
		j := &r.judged[k]
		j.customer = make([]int32, j.rows.Len())
		names := j.rows.Customers()
		for i := range j.customer {
			if names == nil {
				j.customer[i] = int32(r.customers)
				r.customers++
				continue
			}
			c, ok := at[names[i]]
			if !ok {
				c = int32(r.customers)
				at[names[i]] = c
				r.customers++
			}
			j.customer[i] = c
		}
	}
}

func weight(r rows.Rows, i int) float64 {
	if r.Weights == nil {
		return 1
	}
	return r.Weights[i]
}

func loss(label bool, p float64) float64 {
	if label {
		return -math.Log(p)
	}
	return -math.Log1p(-p)
}
