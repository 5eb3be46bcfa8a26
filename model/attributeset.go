package model

// AttributeSet declares attributes to draw from requests.
type AttributeSet struct {
	Object     Ref         `json:"object"`
	Selector   Selector    `json:"selector"`
	Attributes []Attribute `json:"attributes"`
	// MaxBody is how many bytes of a body are read for JSON and GRPC sources;
	// 0: DefaultMaxBody.
	MaxBody uint32 `json:"maxBody,omitempty"`
}

// DefaultMaxBody bounds a body that attributes are drawn from.
const DefaultMaxBody = 64 << 10

// AttributeType is what an attribute's value is. A value is always carried as
// text; each type has one way to write each of its values.
type AttributeType string

// The types of attributes.
const (
	AttributeString    AttributeType = "string"
	AttributeInt       AttributeType = "int"       // of 64 bits: "-7"
	AttributeDouble    AttributeType = "double"    // shortest: "0.25"
	AttributeBool      AttributeType = "bool"      // "true", "false"
	AttributeDuration  AttributeType = "duration"  // in seconds: "90s", "0.25s"
	AttributeTimestamp AttributeType = "timestamp" // RFC 3339 in UTC
	AttributeIP        AttributeType = "ip"        // shortest
	AttributeList      AttributeType = "list"      // of strings without commas: "a,b"
)

// Attribute is one declared attribute. Exactly one source is set. A source
// that a request lacks, an empty value, and one that does not convert to Type
// all make the attribute absent.
type Attribute struct {
	Name   string        `json:"name"`
	Type   AttributeType `json:"type"` // empty: string
	Header string        `json:"header,omitempty"`
	Cookie string        `json:"cookie,omitempty"`
	Query  string        `json:"query,omitempty"`
	// Path is a template in which one segment is "{}" and "*" is any one
	// segment, "**" at the end any rest: "/products/{}/**".
	Path string `json:"path,omitempty"`
	CEL  string `json:"cel,omitempty"`
	// Typed tells that the CEL expression gives Type itself: nothing converts.
	Typed bool `json:"typed,omitempty"`
	// Claim is one of a verified token's; the outermost name comes first.
	Claim []string `json:"claim,omitempty"`
	JSON  string   `json:"json,omitempty"` // of the body: a JSON pointer, "/user/id"
	GRPC  []uint32 `json:"grpc,omitempty"` // of the first message: field numbers, the outermost first
	Wasm  string   `json:"wasm,omitempty"` // a property that a filter set
	// Redact keeps the value in the proxy.
	Redact bool `json:"redact,omitempty"`
	// ToHeader also writes the value to this request header.
	ToHeader string `json:"toHeader,omitempty"`
}

// Body tells whether the value is in the request's body.
func (a Attribute) Body() bool { return a.JSON != "" || len(a.GRPC) > 0 }

// Text tells whether any text is a value of the attribute's type.
func (a Attribute) Text() bool { return a.Type == "" || a.Type == AttributeString }

// AttributesOf gives the attributes that are drawn from a workload's requests,
// with the most of a body that is read for them. The first declaration of a
// name counts; the others are twice.
func AttributesOf(sets []*AttributeSet, w Workload) (drawn []Attribute, maxBody uint32, twice []DeclaredTwice) {
	seen := map[string]bool{}
	for _, set := range sets {
		if !set.Selector.Matches(w) {
			continue
		}
		for _, a := range set.Attributes {
			if seen[a.Name] {
				twice = append(twice, DeclaredTwice{set.Object, a.Name})
				continue
			}
			seen[a.Name] = true
			drawn = append(drawn, a)
			if a.Body() {
				maxBody = max(maxBody, set.MaxBody)
			}
		}
	}
	if maxBody == 0 {
		maxBody = DefaultMaxBody
	}
	return drawn, maxBody, twice
}

// DeclaredTwice is a declaration of a name that another object declares, too.
type DeclaredTwice struct {
	Object Ref
	Name   string
}
