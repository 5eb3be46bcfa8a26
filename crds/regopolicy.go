package crds

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"time"

	"github.com/krater-mesh/krater/model"
)

// RegoPolicySpec is authorization by Rego modules, a bundle's or its own.
type RegoPolicySpec struct {
	Selector        Selector                 `json:"selector"`
	Modules         []RegoModuleSpec         `json:"modules"`
	Data            json.RawMessage          `json:"data"` // a JSON object
	Bundle          *RegoBundleSpec          `json:"bundle"`
	Query           string                   `json:"query"`
	Mode            string                   `json:"mode"`    // Enforce, Shadow
	Failure         string                   `json:"failure"` // Closed, Open
	Timeout         model.Duration           `json:"timeout"`
	MaxBody         uint32                   `json:"maxBody"`             // bytes
	AllowPartial    *bool                    `json:"allowPartialMessage"` // of a longer body; else it is answered 413
	PackAsBytes     bool                     `json:"packAsBytes"`         // input has rawBody, in base64, instead of body
	ProtoDescriptor *RegoProtoDescriptorSpec `json:"protoDescriptor"`
	Memory          string                   `json:"memory"`      // of one decision, like 16Mi
	Concurrency     uint32                   `json:"concurrency"` // decisions at once
	HTTPSend        *RegoHTTPSendSpec        `json:"httpSend"`
	Lower           string                   `json:"lower"` // Auto, Never, Require
	MaxStaleness    model.Duration           `json:"maxStaleness"`
	JWT             string                   `json:"jwt"`   // Daemon, Native
	Cache           RegoCacheSpec            `json:"cache"` // of answers, by proxies that asked
}

// RegoCacheSpec says how long answers may be kept. 0: they are not.
type RegoCacheSpec struct {
	Allow model.Duration `json:"allow"`
	Deny  model.Duration `json:"deny"`
}

// RegoModuleSpec is one module: its source, or the file that holds it.
type RegoModuleSpec struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	File   string `json:"file"` // from the declaring file's folder
}

// leastStaleness is the least age that a policy may ask for: agents ask the
// control plane three times in it.
const leastStaleness = model.Duration(time.Second)

// regoTimeout is how long a decision may take where the policy does not say.
const regoTimeout = 200_000_000 // 200 ms

var regoQuery = regexp.MustCompile(`^data(\.[a-zA-Z_][a-zA-Z0-9_]*|\["[^"]+"\])+$`)

// Validate reports what is wrong; fields start at spec.
func (s *RegoPolicySpec) Validate() model.Problems {
	r := &report{object: &Object{}}
	if len(s.Modules) == 0 && s.Bundle == nil {
		r.missing("spec.modules", "a policy has at least one module, or a bundle")
	}
	for i, m := range s.Modules {
		if (m.Source == "") == (m.File == "") {
			r.missing(index("spec.modules", i), "a module has its source, or a file")
		}
	}
	if s.Query == "" {
		r.missing("spec.query", "which rule decides? data.PACKAGE.RULE")
	} else if !regoQuery.MatchString(s.Query) {
		r.bad("spec.query", "want data.PACKAGE.RULE, got %q", s.Query)
	}
	if len(s.Data) > 0 && s.Data[0] != '{' {
		r.bad("spec.data", "want an object")
	}
	r.oneOf(s.Mode, "spec.mode", "Enforce", "Shadow")
	r.oneOf(s.Failure, "spec.failure", "Closed", "Open")
	r.oneOf(s.Lower, "spec.lower", "Auto", "Never", "Require")
	r.oneOf(s.JWT, "spec.jwt", "Daemon", "Native")
	if s.Timeout <= 0 {
		r.bad("spec.timeout", "the duration must be greater than zero")
	}
	if s.MaxStaleness != 0 && s.MaxStaleness < leastStaleness {
		r.bad("spec.maxStaleness", "want at least 1s")
	}
	for field, kept := range map[string]model.Duration{"spec.cache.allow": s.Cache.Allow, "spec.cache.deny": s.Cache.Deny} {
		if kept < 0 || kept > maxRegoCache {
			r.bad(field, "want at most 1h")
		}
	}
	s.validateBody(r)
	if s.Concurrency > maxRegoConcurrency {
		r.bad("spec.concurrency", "want at most %d", maxRegoConcurrency)
	}
	if s.Bundle != nil {
		s.Bundle.validate(r)
	}
	if s.HTTPSend != nil {
		s.HTTPSend.validate(r)
	}
	return r.problems
}

// maxRegoConcurrency and maxRegoBody are more than one policy gets of a policyd.
const (
	maxRegoConcurrency = 1024
	maxRegoBody        = 4 << 20
)

// maxRegoCache is how long an answer is kept at most.
const maxRegoCache = model.Duration(time.Hour)

// validateBody reports what goes without a body.
func (s *RegoPolicySpec) validateBody(r *report) {
	if s.MaxBody > maxRegoBody {
		r.bad("spec.maxBody", "want at most %d: proxies and policyd keep as much in memory for each request that is asked about", maxRegoBody)
	}
	for field, given := range map[string]bool{"spec.allowPartialMessage": s.AllowPartial != nil, "spec.packAsBytes": s.PackAsBytes, "spec.protoDescriptor": s.ProtoDescriptor != nil} {
		if given && s.MaxBody == 0 {
			r.add(model.Error, model.CodeMissing, field, "set spec.maxBody", "no body is sent without maxBody")
		}
	}
}

func convertRegoPolicy(c *conversion) Content {
	in := &RegoPolicySpec{Mode: "Enforce", Failure: "Closed", Lower: "Auto", JWT: "Daemon", Timeout: regoTimeout}
	data := c.spec["data"] // by itself: it may be large
	delete(c.spec, "data")
	if !c.read(in) {
		return Content{}
	}
	in.Data = c.data(data)
	c.include(in.Validate())
	out := &model.RegoPolicy{
		Object: c.object.Ref, Selector: c.selector(in.Selector.MatchLabels, "spec.selector.matchLabels"),
		Query: in.Query, Mode: model.Mode(in.Mode), Failure: model.FailureMode(in.Failure),
		Timeout: in.Timeout, MaxBody: in.MaxBody, WholeBody: in.AllowPartial != nil && !*in.AllowPartial,
		RawBody: in.PackAsBytes || in.ProtoDescriptor != nil, ProtoDescriptor: c.protoDescriptor(in.ProtoDescriptor),
		Memory: c.bytes(in.Memory, "spec.memory"), Concurrency: in.Concurrency,
		HTTPSend: c.httpSend(in.HTTPSend), Bundle: c.regoBundle(in.Bundle), MaxStaleness: in.MaxStaleness, Cache: model.CacheTimes(in.Cache),
	}
	if in.Lower != "Auto" {
		out.Lower = model.Lower(in.Lower)
	}
	if out.WholeBody { // nobody but policyd knows how long a body is
		if out.Lower == model.LowerRequire {
			c.bad("spec.lower", "a policy with allowPartialMessage: false is always asked")
		}
		out.Lower = model.LowerNever
	}
	if in.JWT != "Daemon" {
		out.JWT = model.JWTPlace(in.JWT)
	}
	out.Data = string(in.Data)
	names := map[string]bool{}
	for i, m := range in.Modules {
		at := index("spec.modules", i)
		module := c.regoModule(m, at)
		if names[module.Name] {
			c.bad(at+".name", "the module %s is given twice", module.Name)
		}
		names[module.Name] = true
		out.Modules = append(out.Modules, module)
	}
	return Content{Rego: out}
}

func (c *conversion) regoModule(m RegoModuleSpec, field string) model.RegoModule {
	out := model.RegoModule{Name: m.Name, Source: m.Source}
	if m.File != "" {
		path := m.File
		if !filepath.IsAbs(path) {
			path = filepath.Join(c.object.Dir(), path)
		}
		source, err := c.opts.ReadFile(path)
		if err != nil {
			c.add(model.Error, model.CodeBadRego, field+".file", "", "reading the module: %v", err)
		}
		out.Source = string(source)
		if out.Name == "" {
			out.Name = filepath.Base(m.File)
		}
	}
	if out.Name == "" {
		out.Name = field[len("spec."):] + ".rego"
	}
	return out
}

// data is the policy's document as JSON.
func (c *conversion) data(document any) json.RawMessage {
	if document == nil {
		return nil
	}
	text, err := compact(nil, document)
	if err != nil {
		c.bad("spec.data", "reading it: %v", err)
	}
	return text
}
