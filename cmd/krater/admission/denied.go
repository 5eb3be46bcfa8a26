package admission

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// maxDenied bounds the file of denied workloads.
const maxDenied = 1 << 20

// Denied are the workloads that are shut out, by "namespace/name".
type Denied map[string]bool

// ReadDenied reads the file of denied workloads: a NAMESPACE/NAME a line, #
// begins a comment. A file that is not there denies nobody. A line that cannot
// be read is a Problem; the others count.
func ReadDenied(file string) (Denied, model.Problems, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err == nil && info.Size() > maxDenied {
		err = fmt.Errorf("it has more than %d bytes", maxDenied)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the denied workloads in %s: %w", file, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the denied workloads: %w", err)
	}
	denied, problems := parseDenied(file, text)
	return denied, problems, nil
}

func parseDenied(file string, text []byte) (Denied, model.Problems) {
	out := Denied{}
	var problems model.Problems
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxDenied+1)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		id := strings.TrimSpace(line)
		namespace, name, ok := strings.Cut(id, "/")
		switch {
		case id == "":
		case !ok || namespace == "" || name == "" || strings.ContainsAny(name, "/ \t") || strings.ContainsAny(namespace, " \t"):
			problems = append(problems, model.Problem{
				Code: model.CodeSyntax, Severity: model.Error, Message: fmt.Sprintf("%q names no workload, so nobody is denied by it", id),
				Fix: "write NAMESPACE/NAME, one a line", Origin: model.Origin{File: file, Line: n},
			})
		default:
			out[id] = true
		}
	}
	return out, problems
}
