// Package source is what every source of configuration gives: a Listing of
// all Objects as they are declared now. It never judges what an Object says.
package source

import (
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// Listing is everything that a source holds at one moment.
type Listing struct {
	// Objects in the order of file and line. Two may have one name.
	Objects []*crds.Object
	// Incomplete holds the files (and folders) of which not every object could
	// be read: nothing that they declared before counts as removed.
	Incomplete map[string]bool
	// Problems of files, and of documents that are no objects.
	Problems model.Problems
}

// Covers tells whether a file is incomplete: itself, or a folder above it.
func (l Listing) Covers(file string) bool {
	for f, incomplete := range l.Incomplete {
		if incomplete && (file == f || strings.HasPrefix(file, strings.TrimSuffix(f, "/")+"/")) {
			return true
		}
	}
	return false
}
