package crds

import "github.com/krater-mesh/krater/model"

// DecisionLogSpec says what of each decision is recorded.
type DecisionLogSpec struct {
	Mask []DecisionMaskSpec `json:"mask"`
	Drop []DecisionDropSpec `json:"drop"`
	// Credentials keeps Authorization, Cookie and the like, which are taken out
	// otherwise.
	Credentials bool `json:"credentials"`
}

// DecisionMaskSpec takes one value out of the records.
type DecisionMaskSpec struct {
	Path    string  `json:"path"`    // a JSON pointer below /input or /result
	Replace *string `json:"replace"` // what stands there instead; none: the value goes
}

// DecisionDropSpec leaves decisions out of which all holds that is given.
type DecisionDropSpec struct {
	Policy    string  `json:"policy"` // NAME or NAMESPACE/NAME
	Placement string  `json:"placement"`
	Allowed   *bool   `json:"allowed"`
	Shadow    *bool   `json:"shadow"`
	Method    string  `json:"method"`
	Path      string  `json:"path"` // exact, prefix* or *suffix
	Keep      float64 `json:"keep"` // percent that are recorded all the same
}

func (s *DecisionLogSpec) validate(r *report) {
	for i, m := range s.Mask {
		if !model.ValidMask(m.Path) {
			r.bad(index("spec.decisions.mask", i)+".path", `want a JSON pointer below /input or /result, got %q`, m.Path)
		}
	}
	for i, d := range s.Drop {
		at := index("spec.decisions.drop", i)
		r.oneOf(d.Placement, at+".placement", "", string(model.Native), string(model.Wasm), string(model.Daemon))
		if d.Keep < 0 || d.Keep > 100 {
			r.bad(at+".keep", "a percentage is from 0 to 100")
		}
		if d == (DecisionDropSpec{Keep: d.Keep}) && d.Keep == 0 {
			r.missing(at, "it leaves out every decision")
		}
	}
}

// log is the same, as the model has it.
func (s *DecisionLogSpec) log(namespace string) *model.DecisionLog {
	if s == nil {
		return nil
	}
	out := &model.DecisionLog{Credentials: s.Credentials}
	for _, m := range s.Mask {
		out.Mask = append(out.Mask, model.DecisionMask(m))
	}
	for _, d := range s.Drop {
		drop := model.DecisionDrop{Placement: model.Place(d.Placement), Allowed: d.Allowed, Shadow: d.Shadow, Method: d.Method, Keep: d.Keep}
		if d.Policy != "" {
			ns, name := model.ParseKey(d.Policy, namespace)
			drop.Policy = ns + "/" + name
		}
		if d.Path != "" {
			m := pattern(d.Path)
			drop.Path = &m
		}
		out.Drop = append(out.Drop, drop)
	}
	return out
}
