package crds

import (
	"net/netip"
	"regexp"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// stringMatch converts one of Istio's; an empty one is a test for presence.
func (r *report) stringMatch(m *networking.StringMatch, field string) model.StringMatch {
	switch x := m.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		return model.StringMatch{Kind: model.Exact, Value: x.Exact}
	case *networking.StringMatch_Prefix:
		if x.Prefix == "" {
			r.bad(field+".prefix", "the prefix is empty")
		}
		return model.StringMatch{Kind: model.Prefix, Value: x.Prefix}
	case *networking.StringMatch_Regex:
		r.regex(x.Regex, field+".regex")
		return model.StringMatch{Kind: model.Regex, Value: x.Regex}
	}
	return model.StringMatch{Kind: model.Present}
}

// optionalMatch is stringMatch for fields where presence says nothing.
func (r *report) optionalMatch(m *networking.StringMatch, field string) *model.StringMatch {
	if m == nil {
		return nil
	}
	s := r.stringMatch(m, field)
	if s.Kind == model.Present {
		r.missing(field, "exact, prefix or regex is needed")
	}
	return &s
}

// regex reports what RE2, which proxies use, does not read.
func (r *report) regex(expression, field string) {
	_, err := regexp.Compile(expression)
	if err == nil && expression != "" && len(expression) <= 1024 {
		return
	}
	reason := "it is empty"
	if err != nil {
		reason = strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	} else if expression != "" {
		reason = "it is longer than 1024 letters"
	}
	r.add(model.Error, model.CodeBadRegex, field, "the syntax is RE2's: no look-ahead, no back-references",
		"not a regular expression: %s", reason)
}

// duration gives nil for an absent one, and reports one that is not positive.
func (r *report) duration(d *durationpb.Duration, field string) *model.Duration {
	if d == nil {
		return nil
	}
	out := model.Duration(d.AsDuration())
	if out <= 0 {
		r.bad(field, "the duration must be greater than zero")
		return nil
	}
	if d.AsDuration()%time.Millisecond != 0 {
		r.bad(field, "a duration is in whole milliseconds")
		return nil
	}
	return &out
}

// durationOrZero is duration where zero has a meaning.
func (r *report) durationOrZero(d *durationpb.Duration, field string) *model.Duration {
	if d != nil && d.AsDuration() == 0 {
		return new(model.Duration)
	}
	return r.duration(d, field)
}

// count gives a non-negative int32 as Envoy's uint32.
func (r *report) count(n int32, field string) uint32 {
	if n < 0 {
		r.bad(field, "must not be negative")
		return 0
	}
	return uint32(n)
}

func (r *report) port(n uint32, field string) uint32 {
	if n == 0 || n > 65535 {
		r.bad(field, "a port is from 1 to 65535, got %d", n)
	}
	return n
}

// cidr gives an address or a network as a CIDR.
func (r *report) cidr(text, field string) string {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked().String()
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		r.bad(field, "want an IP address or a CIDR, got %q", text)
		return text
	}
	return netip.PrefixFrom(a, a.BitLen()).String()
}

// labels reports a selector that can never be read back as it was written.
func (r *report) selector(labels map[string]string, field string) model.Selector {
	for k, v := range labels {
		if k == "" || strings.Contains(k, "*") || strings.Contains(v, "*") {
			r.bad(join(field, k), "a label to select by has no wildcard and no empty name")
		}
	}
	if len(labels) == 0 {
		labels = nil
	}
	return model.Selector{Namespace: r.object.Ref.Namespace, Labels: labels}
}

var hostName = regexp.MustCompile(`^(\*|(\*\.)?[a-zA-Z0-9_]([-a-zA-Z0-9_]*)(\.[a-zA-Z0-9_][-a-zA-Z0-9_]*)*\.?)$`)

func (r *report) host(h, field string) string {
	if !hostName.MatchString(h) {
		if _, err := netip.ParseAddr(h); err != nil {
			r.bad(field, "%q is no host name", h)
		}
	}
	return strings.ToLower(h)
}
