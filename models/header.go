package models

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// FormatVersion is the version of the saved-model file that this program
// writes; it reads this one and earlier ones. Version 2 added the calibrator: a program
// that knew version 1 only would have left it out without a word.
const FormatVersion = 2

const magic = "mainstay-model"

// Header says what a saved model is. A saved-model file is
//
//	mainstay-model FORMAT SHA256-OF-THE-NEXT-LINE
//	HEADER AS JSON, ONE LINE
//	PAYLOAD (what Estimator.MarshalBinary returned)
//
// The same training gives the same bytes: there is no time and no host in it.
type Header struct {
	Version       string          `json:"version"` // <last cutoff>-<estimator>-<first 8 digits of a hash of the rest>
	Task          string          `json:"task"`
	Estimator     string          `json:"estimator"` // Estimator.Kind
	Params        json.RawMessage `json:"params"`    // hyper-parameters
	Seed          uint64          `json:"seed"`
	Features      []string        `json:"features"` // in the order of training
	Classes       []string        `json:"classes"`
	Members       int             `json:"members"` // trees of a forest
	Cutoffs       []string        `json:"cutoffs"` // of the snapshots learned from
	HorizonDays   int             `json:"horizon_days"`
	Rows          int             `json:"rows"` // learned from, after sampling
	Positives     int             `json:"positives"`
	Calibrator    json.RawMessage `json:"calibrator,omitempty"` // applied to what the estimator gives; none: as it is
	Report        json.RawMessage `json:"report,omitempty"`     // how good it is, for people
	PayloadBytes  int             `json:"payload_bytes"`
	PayloadSHA256 string          `json:"payload_sha256"`
}

// WriteModel saves a fitted estimator. It fills the fields of h that the
// estimator and the payload determine, the version among them, and returns h.
func WriteModel(path string, h Header, e Estimator) (Header, error) {
	payload, err := e.MarshalBinary()
	if err != nil {
		return h, fmt.Errorf("saving the model: %w", err)
	}
	if h, err = h.seal(e, payload); err != nil {
		return h, err
	}
	line, err := json.Marshal(h)
	if err != nil {
		return h, fmt.Errorf("saving the model: %w", err)
	}
	return h, WriteWhole(path, func(w io.Writer) error {
		sum := sha256.Sum256(line)
		if _, err := fmt.Fprintf(w, "%s %d %s\n%s\n", magic, FormatVersion, hex.EncodeToString(sum[:]), line); err != nil {
			return err
		}
		_, err := w.Write(payload)
		return err
	})
}

// Seal fills the fields of h that the estimator determines, as WriteModel does.
func (h Header) Seal(e Estimator) (Header, error) {
	payload, err := e.MarshalBinary()
	if err != nil {
		return h, fmt.Errorf("describing the model: %w", err)
	}
	return h.seal(e, payload)
}

func (h Header) seal(e Estimator, payload []byte) (Header, error) {
	params, err := json.Marshal(e.Params())
	if err != nil {
		return h, fmt.Errorf("describing the model: %w", err)
	}
	sum := sha256.Sum256(payload)
	h.Estimator, h.Params, h.Features, h.Members, h.Classes = e.Kind(), params, e.Features(), e.Members(), Classes
	h.PayloadBytes, h.PayloadSHA256, h.Version = len(payload), hex.EncodeToString(sum[:]), ""
	line, err := json.Marshal(h)
	if err != nil {
		return h, fmt.Errorf("describing the model: %w", err)
	}
	all := sha256.Sum256(line)
	last := "none"
	if len(h.Cutoffs) > 0 {
		last = h.Cutoffs[len(h.Cutoffs)-1]
	}
	h.Version = last + "-" + h.Estimator + "-" + hex.EncodeToString(all[:4])
	return h, nil
}

// ReadModel loads what WriteModel saved. decode makes an unfitted estimator of
// the header's kind. Every field that can be checked against the payload is.
func ReadModel(path string, decode func(Header) (Estimator, error)) (Header, Estimator, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Header{}, nil, fmt.Errorf("loading the model: %w", err)
	}
	h, payload, err := parseModel(raw)
	if err != nil {
		return h, nil, fmt.Errorf("loading the model %s: %w", path, err)
	}
	e, err := decode(h)
	if err != nil {
		return h, nil, fmt.Errorf("loading the model %s: %w", path, err)
	}
	if err := e.UnmarshalBinary(payload); err != nil {
		return h, nil, fmt.Errorf("loading the model %s: %w", path, err)
	}
	switch {
	case e.Members() != h.Members:
		err = fmt.Errorf("%w: it holds %d parts (trees), its header says %d", ErrCorrupt, e.Members(), h.Members)
	case !slices.Equal(e.Features(), h.Features):
		err = fmt.Errorf("%w: its features are not those of its header", ErrCorrupt)
	case !slices.Equal(h.Classes, Classes):
		err = fmt.Errorf("%w: its classes are %q, expected %q", ErrCorrupt, h.Classes, Classes)
	}
	if err != nil {
		return h, nil, fmt.Errorf("loading the model %s: %w", path, err)
	}
	return h, e, nil
}

func parseModel(raw []byte) (h Header, payload []byte, err error) {
	first, rest, ok := bytes.Cut(raw, []byte("\n"))
	var name, want string
	var format int
	if _, err := fmt.Sscanf(string(first), "%s %d %s", &name, &format, &want); !ok || err != nil || name != magic || format < 1 {
		return h, nil, fmt.Errorf("%w: it does not begin with %q", ErrCorrupt, magic)
	}
	if format > FormatVersion {
		return h, nil, fmt.Errorf("%w (%d, this program reads up to %d): use the program that wrote it, or train again", ErrNewerFormat, format, FormatVersion)
	}
	line, payload, ok := bytes.Cut(rest, []byte("\n"))
	if sum := sha256.Sum256(line); !ok || hex.EncodeToString(sum[:]) != want {
		return h, nil, fmt.Errorf("%w: the checksum of its header is wrong", ErrCorrupt)
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, nil, fmt.Errorf("%w: reading its header: %w", ErrCorrupt, err)
	}
	if len(payload) != h.PayloadBytes {
		return h, nil, fmt.Errorf("%w: %d bytes of payload, expected %d", ErrCorrupt, len(payload), h.PayloadBytes)
	}
	if sum := sha256.Sum256(payload); hex.EncodeToString(sum[:]) != h.PayloadSHA256 {
		return h, nil, fmt.Errorf("%w: the checksum of its payload is wrong", ErrCorrupt)
	}
	return h, payload, nil
}
