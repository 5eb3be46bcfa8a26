package model

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CacheTimes say how long answers of a policy may be kept by proxies that
// asked for them; 0: not at all.
type CacheTimes struct {
	Allow Duration `json:"allow,omitempty"`
	Deny  Duration `json:"deny,omitempty"`
}

// DecisionKey is what the answer to a question about several policies depends
// on, so that it can be kept. Who asks and who answers make it each of the
// policies that it has: an answer is kept where both made the same.
type DecisionKey struct {
	Version string       // of the policies: their modules, their data, their order
	ID      string       // of Inputs
	Inputs  []ProxyInput // all that the policies read, sorted, each once
	Times   CacheTimes   // the shortest of any policy
}

// MaxKeptBody is how many bytes the body of a kept denial has at most.
const MaxKeptBody = 4096

// KeptHeaders are the headers that a kept denial may have, in lower case.
var KeptHeaders = []string{"content-type", "www-authenticate"}

// Mark says of an answer that it may be kept for a time, in the words that the
// decisioncache filter reads; "": it may not. body is a denial's.
func (k DecisionKey) Mark(allow bool, ttl time.Duration, body string) string {
	word, most := "ALLOW", k.Times.Allow.Std()
	if !allow {
		word, most = "DENY", k.Times.Deny.Std()
	}
	millis := min(ttl, most).Milliseconds()
	if millis <= 0 {
		return ""
	}
	mark := k.Version + " " + k.ID + " " + word + " " + strconv.FormatInt(millis, 10)
	if body != "" {
		mark += " " + body
	}
	return mark
}

// DecisionKeyOf gives the key of policies that are asked together; why says
// what forbids that their answers are kept, and names the policy.
func DecisionKeyOf(policies []RegoPolicy) (k DecisionKey, why string) {
	versions := make([]string, 0, len(policies))
	// A path that cannot be read is refused, whatever the policies read.
	k.Inputs = []ProxyInput{{Kind: InputHeader, Name: ":path"}}
	for i, p := range policies {
		if why := p.uncached(); why != "" {
			return DecisionKey{}, p.Object.Key() + ": " + why
		}
		versions = append(versions, p.Object.Key()+"@"+p.Version())
		for _, r := range p.Lowered.Reads {
			k.Inputs = append(k.Inputs, r.Input.keyed())
		}
		if i == 0 {
			k.Times = p.Cache
			continue
		}
		k.Times = CacheTimes{min(k.Times.Allow, p.Cache.Allow), min(k.Times.Deny, p.Cache.Deny)}
	}
	slices.SortFunc(k.Inputs, ProxyInput.compare)
	k.Inputs = slices.CompactFunc(k.Inputs, func(a, b ProxyInput) bool { return a.compare(b) == 0 })
	k.Version, k.ID = Hash(versions), Hash(k.Inputs)
	return k, ""
}

// uncached says what forbids that a policy's answers are kept.
func (p RegoPolicy) uncached() string {
	switch l := p.Lowered; {
	case p.Cache == CacheTimes{}:
		return "it has no spec.cache"
	case l == nil || l.ReadsAll:
		return "what it reads of a request is not known before one comes"
	case len(l.Volatile) > 0:
		return "it calls " + strings.Join(l.Volatile, ", ") + ", which may say something else each time"
	default:
		for _, r := range l.Reads {
			switch {
			case r.Input == nil:
				return "it reads " + r.Ref + ", which proxies do not have"
			case r.Input.Kind == InputSNI:
				return "it reads " + r.Ref + ", which proxies have in lower case only"
			}
		}
		return ""
	}
}

// keyed is the input that a key has for another one: of claims the whole
// token, whose text also tells a number from a string.
func (i ProxyInput) keyed() ProxyInput {
	switch i.Kind {
	case InputPath:
		return ProxyInput{Kind: InputHeader, Name: ":path"}
	case InputClaim:
		return ProxyInput{Kind: InputClaim}
	}
	return i
}

func (i ProxyInput) compare(o ProxyInput) int {
	return cmp.Or(cmp.Compare(i.Kind, o.Kind), cmp.Compare(i.Name, o.Name), slices.Compare(i.Path, o.Path))
}
