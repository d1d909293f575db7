// Package card shows what is known about a model version to the people who have to trust
// it: as Markdown, and as one HTML file that holds its pictures and needs nothing else.
// Both say the same; the pictures are tables in Markdown. The same report gives the same
// bytes.
package card

import (
	"fmt"
	"time"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/learn"
)

// page is a card before it is written one way or the other.
type page struct {
	Title    string
	Lead     string // one sentence: may it be trusted
	Mood     string // "good", "care", "bad"
	Sections []section
}

type section struct {
	Title string
	Text  []string
	Items []item
	Table *table
	Plot  *plot
	Only  string // "html": a picture of what a table beside it says; "": both
}

// item is a line with a mark before it.
type item struct{ Mark, Text string }

type table struct {
	Head []string // a first letter '>' right-aligns the column
	Rows [][]string
}

// Markdown renders the card of a model.
func Markdown(h models.Header, r learn.Report, m Made) []byte { return markdown(newPage(h, r, m)) }

// Made says when a model was learned. The model file does not know: the same night gives
// the same file at whatever time it runs. The zero value is left out.
type Made struct {
	Night int64 // number of the night that learned it
	At    time.Time
	Took  time.Duration // of choosing, judging and learning
}

// HTML renders the card of a model as one self-contained file.
func HTML(h models.Header, r learn.Report, m Made) []byte { return render(newPage(h, r, m)) }

func newPage(h models.Header, r learn.Report, m Made) page {
	p := page{Title: title(h)}
	p.Lead, p.Mood = lead(r)
	p.add(section{Title: "Gates", Items: findings(r.Verdict.Findings)})
	p.add(section{Title: "How good it is", Text: figuresText(r), Table: figures(r)})
	p.add(section{Title: "AUC with its 95 % interval", Plot: intervalPlot(r), Only: "html"})
	p.add(section{Title: "Reliability", Text: []string{"Of the rows of a tenth of like probability, to how many did it happen? On the line the promise is kept. Whiskers are 95 % intervals of the share."},
		Plot: reliabilityPlot(r), Table: reliability(r)})
	p.add(section{Title: "Gain", Text: []string{"When the rows are worked off best first, how many of those to whom it happens have been met?"}, Plot: gainPlot(r), Table: gains(r)})
	p.add(section{Title: "What moves the scores", Text: []string{"Mean size of a feature's effect in log-odds, over a sample of rows. A reason is not a cause."}, Plot: topPlot(r), Table: top(r)})
	p.add(section{Title: "Data and split", Text: splitText(r), Table: training(r)})
	p.add(section{Title: "What was tried", Text: choiceText(r), Table: tried(r)})
	p.add(section{Title: "On what it was tried", Table: folds(r)})
	p.add(section{Title: "Calibration", Text: calibrationText(r), Table: calibrators(r)})
	p.add(section{Title: "Best simple rule", Text: ruleText(r), Table: rules(r)})
	p.add(section{Title: "How to make it again", Table: recipe(h, r, m)})
	return p
}

// add keeps a section that has something to show.
func (p *page) add(s section) {
	if s.Plot != nil && s.Plot.empty() {
		s.Plot = nil
	}
	if s.Table != nil && len(s.Table.Rows) == 0 {
		s.Table = nil
	}
	if len(s.Items) > 0 || s.Table != nil || s.Plot != nil {
		p.Sections = append(p.Sections, s)
	}
}

func title(h models.Header) string {
	task := map[string]string{"churn": "Churn", "cross_sell": "Cross-sell"}[h.Task]
	if task == "" {
		task = h.Task
	}
	if h.Version == "" {
		return task + ": not published"
	}
	return task + " " + h.Version
}

func lead(r learn.Report) (text, mood string) {
	if r.Verdict.Refused(gate.TooGood) {
		return "Too good to be true: the night stopped here, and nothing was published.", "bad"
	}
	switch r.Verdict.Use {
	case gate.UseChallenger:
		if r.Verdict.Worst() == gate.Warn {
			return "The new model is in use, with warnings to read.", "care"
		}
		return "The new model is in use.", "good"
	case gate.UseChampion:
		return "Refused: the model in service stays.", "bad"
	case gate.UseRule:
		return "The scores come from the best simple rule, not from a model.", "care"
	case gate.UseNone:
		return "Nothing can score yet.", "bad"
	}
	return fmt.Sprintf("An experiment: %s.", r.Judged), "good"
}
