package accesslogreceiver

import (
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// The custom tags that the proxies' access logs carry.
const (
	tagDirection      = "krater.direction"
	tagPolicySet      = "krater.policy_set"
	tagLimit          = "krater.limit"
	tagFilterDecision = "krater.filter_decision"
	tagCustom         = "krater.custom"
	tagCached         = "krater.decision_cache"
	tagTraceID        = "krater.trace_id"
	tagSpanID         = "krater.span_id"
	tagProxy          = "krater.proxy"

	attributePrefix = "attribute." // a declared attribute
	fieldPrefix     = "field."     // a field of a TelemetryRule's log
)

// tags sets the record's trace, declared attributes and fields, and gives its
// direction. An attribute that is redacted is dropped: proxies do not send
// it, and should one do, it ends here.
func (r record) tags(from origin, tags map[string]string) (direction string) {
	for name, value := range tags {
		switch name {
		case tagDirection:
			direction = value
			r.str(tagDirection, value)
		case tagTraceID:
			r.trace(value)
		case tagSpanID:
			r.span(value)
		case tagPolicySet, tagLimit, tagFilterDecision, tagCustom, tagCached, tagProxy: // in the decision, or known
		default:
			if !isPeer(name) { // who is at the other end comes by itself
				r.declared(from, name, value)
			}
		}
	}
	return direction
}

// isPeer tells the tags of who is at the other end.
func isPeer(name string) bool {
	return strings.HasPrefix(name, "krater.source.") || strings.HasPrefix(name, "krater.destination.") || strings.HasPrefix(name, "krater.client.")
}

// declared sets a declared attribute, or a rule's field under its own name.
func (r record) declared(from origin, name, value string) {
	if attribute, ok := strings.CutPrefix(name, attributePrefix); ok {
		if !r.view.Redacted(attribute, from.proxy) {
			r.str("krater.attribute."+attribute, value)
		}
		return
	}
	r.str(strings.TrimPrefix(name, fieldPrefix), r.view.Resolve(value))
}

// trace and span set the ids, given in hex; anything else is left out.
func (r record) trace(text string) {
	var id pcommon.TraceID
	if b, err := hex.DecodeString(text); err == nil && len(b) == len(id) {
		copy(id[:], b)
		r.SetTraceID(id)
	}
}

func (r record) span(text string) {
	var id pcommon.SpanID
	if b, err := hex.DecodeString(text); err == nil && len(b) == len(id) {
		copy(id[:], b)
		r.SetSpanID(id)
	}
}
