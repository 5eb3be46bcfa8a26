package crds

import (
	"maps"
	"slices"

	"github.com/krater-mesh/krater/model"
)

// oldFields are fields of Istio's that tutorials still show, by message and
// JSON name, and what to do instead. They are read as Istio reads them, with
// a warning. What the value means is the conversion's business.
var oldFields = map[string]string{
	"ConsistentHashLB.minimumRingSize":        "write ringHash.minimumRingSize",
	"CorsPolicy.allowOrigin":                  "write allowOrigins, with exact",
	"Delay.percent":                           "write percentage.value",
	"HTTPRoute.mirrorPercent":                 "write mirrorPercentage.value",
	"LoadBalancerSettings.warmupDurationSecs": "write warmup.duration",
	"OutlierDetection.consecutiveErrors":      "write consecutive5xxErrors",
	"Port.targetPort":                         "leave it out: it has no effect",
	"SidecarPort.targetPort":                  "leave it out: it has no effect",
}

// oldValues are old names of enum values, by enum, and today's names. The
// conversion only ever sees today's.
var oldValues = map[string]map[string]string{
	"SimpleLB": {"LEAST_CONN": "LEAST_REQUEST"},
}

// old warns of a spelling that is still read.
func (r *report) old(field, what, fix string) {
	r.add(model.Warning, model.CodeDeprecated, field, fix, "%s is an old spelling", what)
}

// version tells of an apiVersion that has a newer one with the same fields.
func (c *conversion) version(k kind) {
	newest := k.apiVersions()[len(k.versions)-1]
	if c.object.APIVersion != newest {
		c.add(model.Info, model.CodeDeprecated, "apiVersion", "write "+newest, "%s is an old spelling", c.object.APIVersion)
	}
}

// current gives the name that a field has today in JSON, or "". The names of
// the protobuf files are read too ("export_to").
func (s *shape) current(name string) string {
	if _, ok := s.fields()[name]; ok {
		return name
	}
	return s.aliases[name]
}

// fieldName reads a field's name, and warns if it is an old one.
func (c *checker) fieldName(s *shape, path string, f NodeField) (name, at string) {
	name = s.current(f.Name)
	at = join(path, name)
	switch {
	case name == "":
		at = join(path, f.Name)
		c.add(model.Error, model.CodeUnknownField, at, meant(f.Name, names(s.fields())), "unknown field %q", f.Name)
		return "", at
	case name != f.Name:
		c.report.object.alias(at, f)
	}
	if f.Value.Kind == Null {
		return name, at
	}
	if fix := s.old[name]; fix != "" {
		c.old(at, f.Name, fix)
	} else if name != f.Name {
		c.old(at, f.Name, "write "+name)
	}
	return name, at
}

// enumValues are the names to choose from, without the old ones.
func (s *shape) enumValues() []string {
	return slices.DeleteFunc(slices.Clone(s.values), func(v string) bool { return s.old[v] != "" })
}

// today gives an enum's value under its name of today.
func (c *checker) today(s *shape, value, path string) string {
	if instead := s.old[value]; instead != "" {
		c.old(path, value, "write "+instead)
		return instead
	}
	return value
}

// alias makes a field that was written by another name found by its own.
func (o *Object) alias(at string, f NodeField) {
	o.LineOf("") // fills lines
	more := map[string]int{at: f.Line}
	indexLines(more, at, f.Value)
	maps.Copy(o.lines, more)
}
