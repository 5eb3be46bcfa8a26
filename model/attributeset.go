package model

// AttributeSet declares attributes to draw from requests.
type AttributeSet struct {
	Object     Ref         `json:"object"`
	Selector   Selector    `json:"selector"`
	Attributes []Attribute `json:"attributes"`
}

// Attribute is one declared attribute. Exactly one source is set.
type Attribute struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // "string" for now
	Header string `json:"header,omitempty"`
	Cookie string `json:"cookie,omitempty"`
	Query  string `json:"query,omitempty"`
	// Path is a template in which one segment is "{}" and "*" is any one
	// segment, "**" at the end any rest: "/products/{}/**".
	Path   string `json:"path,omitempty"`
	Redact bool   `json:"redact,omitempty"` // its value never leaves the proxy
	// ToHeader also writes the value to this request header.
	ToHeader string `json:"toHeader,omitempty"`
}
