package jobs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/push"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// rejected begins the names of what an audit held back.
const rejected = "warehouse.rejected.duckdb"

// leftovers are names that only unfinished work uses, and what an audit held back before
// another night was published, relative to the data directory. Only the holder of the
// lease may remove them.
func leftovers(dataDir string) ([]string, error) {
	entries, err := os.ReadDir(dataDir)
	if err != nil {
		return nil, fmt.Errorf("looking into the data directory: %w", err)
	}
	var out []string
	for _, e := range entries {
		switch name := e.Name(); {
		case name == pipeline.ScratchDir, strings.HasPrefix(name, warehouse.FileName+"."), strings.HasPrefix(name, ledger.FileName+".rebuilt"):
			out = append(out, name)
		case strings.HasPrefix(name, rejected) && outlived(dataDir, name):
			out = append(out, name)
		}
	}
	compared := filepath.Join(ledger.RedoDir, ledger.CompareFile)
	if st, err := os.Stat(filepath.Join(dataDir, compared)); err == nil && time.Since(st.ModTime()) > longestComparison {
		out = append(out, compared)
	}
	pushed, _, err := push.Leftovers(filepath.Join(dataDir, pushScratch))
	if err != nil {
		return nil, err
	}
	for _, name := range pushed {
		out = append(out, filepath.Join(pushScratch, name))
	}
	return out, nil
}

// longestComparison is more than a ledger is ever compared with its redo log.
const longestComparison = time.Hour

// outlived tells whether what readers see was built after a file.
func outlived(dataDir, name string) bool {
	shown, err := os.Stat(filepath.Join(dataDir, warehouse.FileName))
	if err != nil {
		return false
	}
	st, err := os.Stat(filepath.Join(dataDir, name))
	return err == nil && st.ModTime().Before(shown.ModTime())
}

// putAside lists what is not published and may hold anything: unfinished work, the
// warehouse that an audit held back, what a repair kept of a damaged ledger and of damaged
// files.
func putAside(dataDir string) ([]string, error) {
	out, err := leftovers(dataDir)
	if err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(out, func(name string) bool { return name == pipeline.ScratchDir }) // swept anyway
	for _, pattern := range []string{rejected + "*", ledger.FileName + ".damaged*", "damaged-*", ledger.RedoDir + "/" + ledger.CompareFile + "*"} {
		found, err := fs.Glob(os.DirFS(dataDir), pattern)
		if err != nil {
			return nil, fmt.Errorf("looking for what was put aside: %w", err)
		}
		out = append(out, found...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// pushing is an error when a push works on its way to PostgreSQL: it may have anybody's
// rows in its files.
func pushing(dataDir string) error {
	_, used, err := push.Leftovers(filepath.Join(dataDir, pushScratch))
	if err == nil && len(used) > 0 {
		err = fmt.Errorf("a push to PostgreSQL is under way (%s) and may send rows of theirs: wait for its end, then run this again", filepath.Join(dataDir, pushScratch, used[0]))
	}
	return err
}
