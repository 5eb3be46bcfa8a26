package authz

import (
	"math"
	"slices"
	"strings"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// KeyCache is where the dynamic metadata says that an answer may be kept, for
// the decisioncache filter. No policy can write it.
const KeyCache = "krater_cache"

// keeping is what is known of the answers to one question.
type keeping struct {
	key model.DecisionKey
	may bool
}

// keeping tells whether the answers to policies that are asked together may be
// kept by a cache that asked. What is not there, or is there in another version
// than was declared last, is not kept.
func (p *policies) keeping(q question) keeping {
	current := p.current.Load()
	if q.cache == "" || current == nil {
		return keeping{}
	}
	names := strings.Join(q.policies, ",")
	known, ok := current.keys.Load(names)
	if !ok {
		if current.known.Add(1) > maxKnown {
			return keeping{}
		}
		known, _ = current.keys.LoadOrStore(names, current.keep(q.policies))
	}
	k := known.(keeping)
	k.may = k.may && k.key.ID == q.cache
	return k
}

func (g *generation) keep(names []string) keeping {
	list := make([]model.RegoPolicy, 0, len(names))
	for _, name := range names {
		e := g.entries[name]
		if e == nil || e.policy == nil || e.policy.Version() != e.asked.Version() {
			return keeping{}
		}
		list = append(list, e.asked)
	}
	key, why := model.DecisionKeyOf(list)
	return keeping{key, why == ""}
}

// mark writes into an answer that it may be kept, if it may: a failure is not,
// nor is what the cache could not give again whole.
func (k keeping) mark(response *authv3.CheckResponse, outcomes []outcome, r *authv3.CheckRequest, now time.Time) {
	fields := response.GetDynamicMetadata().GetFields()
	delete(fields, KeyCache)
	if !k.may {
		return
	}
	last := outcomes[len(outcomes)-1].answer
	for _, o := range outcomes {
		said := last.Allowed || !o.answer.Allowed // of a denial nothing is said but its own
		if o.answer.Failure != nil || said && !plain(o.answer) {
			return
		}
	}
	if text := k.key.Mark(last.Allowed, tokenLife(r, now), last.Body); text != "" {
		fields[KeyCache] = structpb.NewStringValue(text)
	}
}

// plain tells whether an answer is one that the cache gives again whole.
func plain(a rego.Answer) bool {
	if len(a.Metadata) > 0 {
		return false
	}
	if a.Allowed {
		return len(a.Headers)+len(a.ResponseHeaders)+len(a.RemoveHeaders)+len(a.SetQuery)+len(a.RemoveQuery) == 0
	}
	if a.Status < 400 || len(a.Body) > model.MaxKeptBody {
		return false
	}
	for i, h := range a.Headers {
		if !slices.Contains(model.KeptHeaders, strings.ToLower(h.Name)) || nameBefore(a.Headers[:i], h.Name) {
			return false
		}
	}
	return true
}

// tokenLife is how long the token of a request is good yet: no answer is kept
// for longer. A request without one leaves it to the policy.
func tokenLife(r *authv3.CheckRequest, now time.Time) time.Duration {
	payload := r.GetAttributes().GetMetadataContext().GetFilterMetadata()["envoy.filters.http.jwt_authn"].GetFields()["payload"]
	exp, ok := payload.GetStructValue().GetFields()["exp"].GetKind().(*structpb.Value_NumberValue)
	if !ok {
		return math.MaxInt64
	}
	left := exp.NumberValue - float64(now.UnixNano())/1e9
	return time.Duration(min(max(left, 0), 1e9) * 1e9)
}
