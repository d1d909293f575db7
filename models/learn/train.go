package learn

import (
	"context"
	"fmt"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/choose"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/rows"
	"github.com/mainstay-etl/mainstay/models/rule"
)

// Outcome is what a training came to.
type Outcome struct {
	// Challenger learned from all mature snapshots; nil when there is too little for a
	// model that can be judged.
	Challenger *Model
	// Rule is the best simple rule of all mature snapshots, as a model; nil while no
	// outcome, or only one kind of outcome, is known.
	Rule    *Model
	Verdict gate.Verdict // also in the report of both
}

// Serve is the model that should score: the challenger, the champion that was handed in,
// or the rule, as the verdict says; nil for none.
func (o *Outcome) Serve(champion *Model) *Model {
	switch o.Verdict.Use {
	case gate.UseChallenger:
		return o.Challenger
	case gate.UseChampion:
		return champion
	case gate.UseRule:
		return o.Rule
	}
	return nil
}

// Train learns from the mature snapshots and says whether the result may take over.
//
//  1. A model is chosen, fitted and calibrated on the earlier snapshots, whose outcomes
//     were known at the latest mature cutoff, and the best simple rule is searched there.
//  2. Both, and the champion, are judged on that latest cutoff. The gates decide.
//  3. The same candidate is fitted on all mature snapshots and calibrated with the
//     judging predictions added; that is the challenger.
//
// Too little to learn from is no error but a finding, with the rule, if there is any
// outcome, in its place. When the judged model or rule is too good to be true, the error
// is a [models.TooGoodError] and the Outcome beside it holds the judged model, so that
// people can look for what it knows; it learned from the earlier snapshots only, and must
// not score. progress may be nil.
func Train(ctx context.Context, t Task, snapshots []models.Snapshot, o Options, progress func(done, total int)) (*Outcome, error) {
	o, err := o.withDefaults(t)
	if err != nil {
		return nil, err
	}
	split := models.SplitByTime(snapshots, o.HorizonDays, 1)
	r := &training{task: t, options: o, split: split, have: gate.Available{Champion: o.Champion != nil}}
	if r.parts, err = t.reader().ReadParts(ctx, split.Final, o.Seed, o.MaxRows); err != nil {
		return nil, err
	}
	r.report = Report{Split: split.String(), Training: t.counts(r.parts), Seed: o.Seed}
	if r.parts, r.report.Aside, err = rows.Steady(r.parts); err != nil {
		return nil, err
	}
	if !bothOutcomes(r.parts) {
		return &Outcome{Verdict: gate.Decide(r.minimum(), r.have)}, nil
	}
	r.meter = choose.NewMeter(r.price(), progress)
	defer r.meter.Finish()
	return r.run(ctx)
}

func bothOutcomes(parts []rows.Part) bool {
	read, positives := 0, 0
	for _, p := range parts {
		read, positives = read+p.Read, positives+p.ReadPositives
	}
	return positives > 0 && positives < read
}

// training is the state of one Train.
type training struct {
	task    Task
	options Options
	split   models.Split
	parts   []rows.Part // all mature ones, in order
	all     rows.Rows
	meter   *choose.Meter
	have    gate.Available
	report  Report // of what was judged
	stopped *Model // judged, and too good to be true; nil: not so
}

// price is what the training costs at most: choosing and, twice, a blend of one of each.
func (r *training) price() float64 {
	rows, blend := 0, choose.Candidate{}
	for _, p := range r.parts {
		rows += p.Rows.Len()
	}
	for _, c := range r.options.Candidates {
		blend.Passes += c.Passes
	}
	planned := 0.0
	if n := len(r.split.Train); n > 0 {
		planned = choose.Planned(r.parts[:n], r.options.Candidates, r.options.choosing(r.task, nil))
	}
	return planned + 2*choose.Price(blend, rows, len(r.parts[0].Rows.Frame.Features()))
}

// findings before anything is fitted.
func (r *training) minimum() []gate.Finding {
	h := gate.History{HorizonDays: r.options.HorizonDays, First: r.options.FirstCutoff}
	for _, s := range r.split.Final {
		h.Cutoffs = append(h.Cutoffs, s.Cutoff)
	}
	for _, p := range r.parts {
		h.Positives, h.Negatives = h.Positives+p.ReadPositives, h.Negatives+p.Read-p.ReadPositives
		if n := len(r.split.Validation); n > 0 && p.Day() == r.split.Validation[n-1].Day() {
			h.Judging = &gate.Judging{Day: p.Day(), Positives: p.ReadPositives, Negatives: p.Read - p.ReadPositives}
		}
	}
	return gate.CheckMinimum(h, r.options.Limits)
}

func (r *training) run(ctx context.Context) (*Outcome, error) {
	findings := r.minimum()
	var judged *judged
	if len(findings) == 0 {
		var more []gate.Finding
		var err error
		judged, more, err = r.challenge(ctx)
		findings = append(findings, more...)
		if r.stopped != nil {
			return r.stop(findings, err)
		}
		if err != nil {
			return nil, err
		}
	}
	findings = append(findings, gate.CheckVolume(r.report.Training, r.task.Activity, r.options.Limits)...)
	findings = append(findings, gate.CheckRate(r.report.Training)...)
	var err error
	if r.all, err = rows.Join(r.parts); err != nil {
		return nil, err
	}
	out := &Outcome{}
	if out.Rule, err = bestRule(ctx, r.task, r.options, r.all, r.parts); err != nil {
		return nil, err
	}
	r.report.Rule = out.Rule.Report.Rule
	if judged != nil {
		if out.Challenger, err = r.final(ctx, judged); err != nil {
			return nil, err
		}
	}
	r.have.Rule, r.have.Challenger = true, judged != nil
	if r.have.Champion && r.options.Champion.Header.Estimator == rule.Kind {
		r.have.Champion = false // the rule just found knows more outcomes
	}
	out.Verdict = gate.Decide(findings, r.have)
	return out, r.finish(out)
}

// stop hands out the judged model beside the error that ends the night.
func (r *training) stop(findings []gate.Finding, why error) (*Outcome, error) {
	m, v := r.stopped, gate.Decide(findings, r.have)
	report := r.report
	report.Calibration, report.Verdict = m.Report.Calibration, v
	m.Report = report
	h := models.Header{Task: r.task.Name, Seed: r.options.Seed, HorizonDays: r.options.HorizonDays}
	for i, s := range r.split.Train {
		h.Cutoffs = append(h.Cutoffs, s.Day())
		h.Rows += r.parts[i].Rows.Len()
		h.Positives += r.parts[i].Rows.Positives()
	}
	if err := m.seal(h); err != nil {
		return nil, err
	}
	return &Outcome{Challenger: m, Verdict: v}, why
}

// judged is what the final fit needs of what was judged.
type judged struct {
	candidate choose.Candidate
	unseen    []choose.Unseen // those of the judging cutoff too
	later     *models.Frame
}

// challenge chooses on the earlier snapshots and judges on the latest. An error is final
// for the night; the findings so far come with it. Without findings nil means that it
// could not be judged.
func (r *training) challenge(ctx context.Context) (*judged, []gate.Finding, error) {
	n := len(r.split.Train)
	at := r.split.Validation[len(r.split.Validation)-1]
	later, err := r.task.reader().Read(ctx, at, nil) // with all features: the champion may know others
	if err != nil {
		return nil, nil, err
	}
	if read := later.Len(); read > r.options.MaxRows {
		// Whole customers, all with the same chance: no measure needs weights.
		later = later.Thin(r.options.Seed, float64(r.options.MaxRows)/float64(read))
		r.report.Split += fmt.Sprintf(" Of the %d rows of %s a sample of %d judges, of whole customers.", read, at.Day(), later.Len())
	}
	if !bothOutcomes(r.parts[:n]) || !later.BothOutcomes() {
		r.report.Split += fmt.Sprintf(" Not judged: the rows of %s or of %s have one outcome only.", span(r.split.Train), at.Day())
		return nil, []gate.Finding{{Gate: gate.Minimum, Severity: gate.Error, Day: at.Day(),
			Message: "A model cannot be judged: before or at the judging cutoff everybody had the same outcome."}}, nil
	}
	x, err := learnFrom(ctx, r.task, r.options, r.parts[:n], r.meter)
	if err != nil {
		return nil, nil, err
	}
	j, err := x.judge(ctx, later, "validation "+at.Day())
	if err != nil {
		return nil, nil, err
	}
	findings, err := r.gates(ctx, x, j, at)
	if err != nil {
		return nil, findings, err
	}
	raw, err := predict(&Model{Estimator: x.model.Estimator}, later.Frame)
	return &judged{
		candidate: x.choice.Candidate, later: later.Frame,
		unseen: append(x.choice.Unseen, choose.Unseen{Day: at.Day(), Learned: x.all.Len(), Rows: later, Probability: raw}),
	}, findings, err
}

// gates asks each gate about the judgement and keeps it in the report.
func (r *training) gates(ctx context.Context, x *experiment, j *judgement, judged models.Snapshot) ([]gate.Finding, error) {
	limits := r.options.Limits
	champion, err := x.againstChampion(ctx, j, judged)
	if err != nil {
		return nil, err
	}
	r.report.Chosen, r.report.Choice = x.choice.Chosen, &x.choice
	j.pictures(&r.report)
	if tooGood, err := r.tooGood(x, j); err != nil {
		return tooGood, err
	}
	auc, _ := r.report.Metric(x.model.Label(), models.AUC)
	findings := []gate.Finding{gate.CheckRule(x.model.Label(), x.rule.Label(), j.againstUs[0].Comparison, auc.Low, limits)}
	if champion != nil {
		findings = append(findings, *champion)
	}
	return findings, nil
}

// suspectsNamed is how many features are named when a model is too good to be true.
const suspectsNamed = 3

// tooGood stops for a leak, and names what the judged model goes by.
func (r *training) tooGood(x *experiment, j *judgement) ([]gate.Finding, error) {
	var out []gate.Finding
	var suspects []string
	limits := r.options.Limits
	for _, m := range []*Model{x.model, x.rule} {
		auc, _ := r.report.Metric(m.Label(), models.AUC)
		p := j.rows.Positives()
		check := func() []gate.Finding {
			return gate.CheckTooGood(m.Label(), j.on, auc.Value, p, j.rows.Len()-p, suspects, limits)
		}
		if len(check()) == 0 {
			continue
		}
		if r.report.Top == nil {
			var err error
			if r.report.Top, err = importance(x.model, j.rows.Frame); err != nil {
				return nil, err
			}
			for _, t := range r.report.Top[:min(suspectsNamed, len(r.report.Top))] {
				suspects = append(suspects, t.Feature)
			}
		}
		out = append(out, check()...)
	}
	if len(out) == 0 {
		return nil, nil
	}
	r.stopped = x.model
	return out, &models.TooGoodError{Task: r.task.Name, AUC: out[0].Figures["auc"], Limit: limits.MaxAUC, Suspects: suspects}
}

// final fits the chosen candidate on all mature snapshots.
func (r *training) final(ctx context.Context, j *judged) (*Model, error) {
	x := &experiment{task: r.task, options: r.options, meter: r.meter, all: r.all}
	e, err := x.fit(ctx, j.candidate)
	if err != nil {
		return nil, err
	}
	c, err := calibration(j.unseen, r.parts, r.options.HorizonDays)
	if err != nil {
		return nil, fmt.Errorf("training %s: %w", r.task.Name, err)
	}
	m := &Model{Estimator: e, calibrator: c.Calibrator.Calibrator}
	m.Report.Calibration = c
	m.Report.Top, err = importance(m, j.later)
	return m, err
}

// finish writes the report into the models.
func (r *training) finish(out *Outcome) error {
	for _, m := range []*Model{out.Challenger, out.Rule} {
		if m == nil {
			continue
		}
		report, own := r.report, m.Report
		report.Calibration, report.Top, report.Verdict = own.Calibration, own.Top, out.Verdict
		report.Drift = spreads(r.parts, m.Estimator.Features())
		var err error
		if report.Scores, err = scoreSpread(m, r.parts); err != nil {
			return err
		}
		m.Report = report
		h := models.Header{
			Task: r.task.Name, Seed: r.options.Seed, HorizonDays: r.options.HorizonDays,
			Rows: r.all.Len(), Positives: r.all.Positives(),
		}
		for _, s := range r.split.Final {
			h.Cutoffs = append(h.Cutoffs, s.Day())
		}
		if err := m.seal(h); err != nil {
			return err
		}
	}
	return nil
}
