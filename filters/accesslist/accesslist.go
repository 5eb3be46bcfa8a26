// Package accesslist is the filter that refuses requests by lists of values:
// hundreds of thousands of texts, or blocks of addresses. It names the list
// that refused in filter state, for logs. It never tells the value.
package accesslist

import (
	"github.com/krater-mesh/krater/filters/accesslist/config"
	"github.com/krater-mesh/krater/filters/sdk"
)

// Decision is the property that names the list that refused:
// "accesslist/NAME". The response code details say the same.
const Decision = "krater.filter_decision"

// Filter asks the lists of one configuration.
type Filter struct {
	sdk.Base
	lists []list
}

var _ sdk.Filter = (*Filter)(nil)

// list is one list, with all that its refusal needs.
type list struct {
	entries  entries
	header   string
	property []string
	address  bool // the value is one, perhaps with a port
	allow    bool
	shadow   bool
	decision string
	reply    sdk.Reply
	passed   sdk.Counter
	refused  sdk.Counter
}

// entries finds values, and keeps nothing of them.
type entries interface{ has(value string) bool }

// New reads a configuration: config.Config's JSON.
func New(h sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := config.ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	f := &Filter{}
	for _, l := range c.Lists {
		f.lists = append(f.lists, newList(h, l))
	}
	return f, nil
}

func newList(h sdk.Host, l config.List) list {
	if l.Status == 0 {
		l.Status = 403
	}
	decision := "accesslist/" + l.Name
	out := list{
		header: l.Key.Header, property: l.Key.Property, address: l.Kind == config.CIDR, allow: l.Action == config.Allow, shadow: l.Shadow,
		decision: decision, reply: sdk.Reply{Status: l.Status, Body: l.Body, Details: decision},
		passed: h.Counter("accesslist." + l.Name + ".passed"), refused: h.Counter("accesslist." + l.Name + ".refused"),
	}
	switch l.Kind {
	case config.CIDR:
		out.entries = newBlocks(l.Entries)
	case config.CaseInsensitive:
		out.entries = newTexts(l.Entries, true)
	default:
		out.entries = newTexts(l.Entries, false)
	}
	return out
}

// OnRequest implements sdk.Filter.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	for i := range f.lists {
		l := &f.lists[i]
		if !l.refuses(s) {
			l.passed.Add(1)
			continue
		}
		l.refused.Add(1)
		if l.shadow {
			continue
		}
		s.SetProperty(Decision, l.decision)
		return s.Reply(l.reply)
	}
	return sdk.Continue
}

// refuses tells whether a list refuses a request. Who has no value is in no
// list.
func (l *list) refuses(s sdk.Stream) bool {
	value, ok := "", false
	if l.header != "" {
		value, ok = s.Request().Get(l.header)
	} else {
		value, ok = s.Property(l.property...)
	}
	if ok && l.address {
		value = withoutPort(value)
	}
	return l.allow != (ok && l.entries.has(value))
}

// withoutPort cuts the port off an address, as the proxy's own have it:
// "10.0.0.1:80", "[2001:db8::1]:80".
func withoutPort(address string) string {
	colon := -1
	for i := len(address) - 1; i >= 0; i-- {
		switch {
		case address[i] == ':' && colon < 0:
			colon = i
		case address[i] == ':': // more than one: IPv6, which has a port in brackets only
			if address[0] == '[' && address[colon-1] == ']' {
				return address[1 : colon-1]
			}
			return address
		}
	}
	if colon < 0 {
		return address
	}
	return address[:colon]
}
