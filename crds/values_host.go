package crds

import (
	"regexp"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// hostWithin tells whether all names of a, which may be "*" or "*.suffix",
// are names of b.
func hostWithin(a, b string) bool {
	if suffix, wild := strings.CutPrefix(b, "*"); wild {
		return strings.HasSuffix(strings.TrimPrefix(a, "*"), suffix)
	}
	return a == b
}

// hostsOverlap tells whether a name can be one of both.
func hostsOverlap(a, b string) bool { return hostWithin(a, b) || hostWithin(b, a) }

// exportTo checks to whom an object is shown.
func (r *report) exportTo(in []string, field string) []string {
	seen := map[string]bool{}
	for i, e := range in {
		at := index(field, i)
		namespace := e
		if e == "." {
			namespace = r.object.Ref.Namespace
		}
		switch {
		case e == "~":
			r.add(model.Error, model.CodeInvalidValue, at, `write "." for this namespace only`, `"~" (nobody) is for service entries`)
		case namespace != "*" && !dnsLabel.MatchString(namespace):
			r.bad(at, `want ".", "*" or a namespace, got %q`, e)
		case seen[namespace]:
			r.bad(at, "%s is given twice", namespace)
		}
		seen[namespace] = true
	}
	if slices.Contains(in, "*") && len(in) > 1 {
		r.add(model.Error, model.CodeInvalidValue, field, `leave the others, or "*", out`, `"*" is everybody already`)
	}
	return in
}

var (
	dnsLabel   = regexp.MustCompile(`^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`)
)

// labels checks labels to compare with: their names and values as Kubernetes
// has them.
func (r *report) labels(in map[string]string, field string) map[string]string {
	for k, v := range in {
		prefix, name, both := strings.Cut(k, "/")
		if !both {
			prefix, name = "x", k
		}
		if name == "" || !labelValue.MatchString(name) || !dnsName.MatchString(prefix) {
			r.bad(join(field, k), "%q is no name of a label", k)
		} else if !labelValue.MatchString(v) {
			r.bad(join(field, k), "%q is no value of a label", v)
		}
	}
	return in
}

func (r *report) namespace(name, field string) string {
	if name != "" && !dnsLabel.MatchString(name) {
		r.bad(field, "%q is no namespace", name)
	}
	return name
}

// optionalPort is a port, or 0 for any.
func (r *report) optionalPort(n uint32, field string) uint32 {
	if n != 0 {
		r.port(n, field)
	}
	return n
}

func (r *report) subnets(in []string, field string) []string {
	var out []string
	for i, s := range in {
		out = append(out, r.cidr(s, index(field, i)))
	}
	return out
}
