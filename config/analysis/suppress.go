package analysis

import (
	"fmt"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// SuppressAnnotation on an object leaves out its problems of the codes that it
// lists, or all of them ("*"). The name is Istio's.
const SuppressAnnotation = "galley.istio.io/analyze-suppress"

// Suppression leaves out problems of a code, of some objects. "*" in it stands
// for any text.
type Suppression struct {
	Code   string
	Object string // "Kind name.namespace", as istioctl has it, or "Kind namespace/name"
}

// ParseSuppression reads CODE=OBJECT.
func ParseSuppression(text string) (Suppression, error) {
	code, object, ok := strings.Cut(text, "=")
	if !ok || code == "" || object == "" {
		return Suppression{}, fmt.Errorf(`%q: want CODE=OBJECT, like "IST0101=VirtualService reviews.default", with * for any text`, text)
	}
	return Suppression{code, object}, nil
}

// Annotated are the suppressions that objects ask for themselves.
func Annotated(objects []*crds.Object) []Suppression {
	var out []Suppression
	for _, o := range objects {
		for _, code := range strings.Split(o.Annotation(SuppressAnnotation), ",") {
			if code = strings.TrimSpace(code); code != "" {
				out = append(out, Suppression{code, o.Ref.String()})
			}
		}
	}
	return out
}

// Suppress gives the problems that no suppression leaves out, and the number
// of the others.
func Suppress(problems model.Problems, list []Suppression) (kept model.Problems, left int) {
	kept = model.Problems{} // in JSON, a list is never null
	for _, p := range problems {
		if covered(p, list) {
			left++
		} else {
			kept = append(kept, p)
		}
	}
	return kept, left
}

func covered(p model.Problem, list []Suppression) bool {
	istio := p.Object.Kind + " " + p.Object.Name
	if p.Object.Namespace != "" {
		istio += "." + p.Object.Namespace
	}
	for _, s := range list {
		if matches(s.Code, p.Code) && (matches(s.Object, istio) || matches(s.Object, p.Object.String())) {
			return true
		}
	}
	return false
}

// matches compares with a pattern in which "*" stands for any text.
func matches(pattern, text string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	for {
		if matches(rest, text) {
			return true
		}
		if text == "" {
			return false
		}
		text = text[1:]
	}
}
