package models

import (
	"errors"
	"fmt"
	"strings"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrNotFitted: the estimator was used before Fit.
	ErrNotFitted = errors.New("the model has not been fitted")
	// ErrCorrupt: a saved model is damaged or is no saved model.
	ErrCorrupt = errors.New("the saved model is damaged")
	// ErrNewerFormat: a saved model was written by a later version of the program.
	ErrNewerFormat = errors.New("the saved model is of a newer format")
	// ErrMissingFeature: a table lacks a column that the model learned from.
	ErrMissingFeature = errors.New("a feature column is missing")
	// ErrTooLittle: there are too few rows, or only one outcome, to learn from.
	ErrTooLittle = errors.New("there is too little to learn from")
	// ErrTooGood: a validation AUC that real customers do not give; see [TooGoodError].
	ErrTooGood = errors.New("the result is too good to be true")
)

// TooGoodError says that a validation AUC reached the limit from which on it is
// taken for a leak (a feature that knows the outcome) until shown otherwise.
type TooGoodError struct {
	Task       string
	AUC, Limit float64
	Suspects   []string // features that move scores most, the first most; may be empty
}

func (e *TooGoodError) Error() string {
	text := fmt.Sprintf("validating %s: AUC %.4f is at or above %.2f: look for a feature that knows the outcome before using this model",
		e.Task, e.AUC, e.Limit)
	if len(e.Suspects) > 0 {
		text += "; what moves scores most: " + strings.Join(e.Suspects, ", ")
	}
	return text
}

// Is makes errors.Is(err, ErrTooGood) true.
func (e *TooGoodError) Is(target error) bool { return target == ErrTooGood }
