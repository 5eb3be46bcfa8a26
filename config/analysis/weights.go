package analysis

import (
	"fmt"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// weights looks for weights that are no percentages: they count by their sum,
// but whoever wrote them probably meant a hundred.
func weights(r *run) {
	for _, e := range r.Entries {
		t := e.Content.Routes
		if t == nil {
			continue
		}
		for i, h := range t.HTTP {
			r.weights(e.Ref, h.Destinations, item("spec.http", i))
		}
		for i, c := range t.TLS {
			r.weights(e.Ref, c.Destinations, item("spec.tls", i))
		}
		for i, c := range t.TCP {
			r.weights(e.Ref, c.Destinations, item("spec.tcp", i))
		}
	}
}

func (r *run) weights(o model.Ref, to []model.Destination, field string) {
	var sum uint32
	for _, d := range to {
		sum += d.Weight
	}
	if len(to) < 2 || sum == 100 || sum == 0 {
		return
	}
	var shares []string
	for _, d := range to {
		shares = append(shares, fmt.Sprintf("%.3g%%", 100*float64(d.Weight)/float64(sum)))
	}
	r.warn(o, model.CodeWeights, field+".route", "let them sum up to 100", "the weights sum up to %d: the shares are %s", sum, strings.Join(shares, ", "))
}
