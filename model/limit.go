package model

// LimitScope is who counts together.
type LimitScope string

const (
	ScopeProxy LimitScope = "Proxy" // each proxy for itself
	ScopeMesh  LimitScope = "Mesh"  // all of them
)

// Limit is one limit of a RateLimit object.
type Limit struct {
	Object   Ref         `json:"object"`
	Name     string      `json:"name"` // unique within the object
	Selector Selector    `json:"selector"`
	Matches  []HTTPMatch `json:"matches,omitempty"` // any; none: every request
	When     []Condition `json:"when,omitempty"`    // all of them; on headers and attributes
	Key      []string    `json:"key,omitempty"`     // attributes whose values each get a bucket: request.headers['x'], source.address
	Requests uint32      `json:"requests"`
	Per      Duration    `json:"per"`
	Burst    uint32      `json:"burst"` // the bucket's size; Requests where not given
	Scope    LimitScope  `json:"scope"`
	Mode     Mode        `json:"mode"`
}

// ID is "namespace/object/limit".
func (l Limit) ID() string { return l.Object.Key() + "/" + l.Name }
