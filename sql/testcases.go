package sqlfiles

import (
	"embed"
	"io/fs"
)

//go:embed testdata/cases/*.test
var builtInCases embed.FS

// Cases are the unit cases of the built-in models, one file each; package cases reads
// them.
func Cases() fs.FS {
	sub, err := fs.Sub(builtInCases, "testdata/cases")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// TestsFolder is the folder of a project's own unit cases, in its sql folder.
const TestsFolder = "tests"
