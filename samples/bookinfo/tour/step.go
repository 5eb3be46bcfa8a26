package tour

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Step is one thing that the mesh does.
type Step struct {
	Title string
	Curl  func(Options) string // the same by hand
	Shows string               // what it shows, where it went as it should
	// Do gives what came back, a line or more, and an error where that is not
	// what the mesh was told to do.
	Do func(context.Context, *visit) (string, error)
}

// visit is what the steps share.
type visit struct {
	Options
	client *http.Client
	wait   time.Duration // how long an eventual result may take
	pause  time.Duration // between two looks at it
}

func (s Step) announce(out io.Writer, n int, o Options) {
	fmt.Fprintf(out, "%2d  %s\n    $ %s\n", n, s.Title, indent(s.Curl(o)))
}

func (s Step) conclude(out io.Writer, result string, err error) {
	if result != "" {
		fmt.Fprintf(out, "      %s\n", indent(result))
	}
	if err != nil {
		fmt.Fprintf(out, "    ✗ %s\n\n", indent(err.Error()))
		return
	}
	fmt.Fprintf(out, "    ✓ %s\n\n", indent(s.Shows))
}

// indent puts the lines after the first below it.
func indent(text string) string {
	return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n      ")
}
