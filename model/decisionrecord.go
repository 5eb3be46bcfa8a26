package model

import "time"

// DecisionRecord is what one proxy did with one request, as the collector
// keeps it for a while: for krater explain --request-id, and shadow reports.
type DecisionRecord struct {
	Time      time.Time  `json:"time"`
	RequestID string     `json:"requestId,omitempty"`
	TraceID   string     `json:"traceId,omitempty"`
	Proxy     string     `json:"proxy"`     // "namespace/name"
	Direction string     `json:"direction"` // inbound, outbound, gateway
	Caller    string     `json:"caller,omitempty"`
	Called    string     `json:"called,omitempty"` // the workload
	Method    string     `json:"method,omitempty"`
	Host      string     `json:"host,omitempty"`
	Path      string     `json:"path,omitempty"` // without the query
	Status    int        `json:"status,omitempty"`
	Details   string     `json:"details,omitempty"` // Envoy's response code details
	Route     string     `json:"route,omitempty"`
	Decision  *Decision  `json:"decision,omitempty"`
	Shadows   []Decision `json:"shadows,omitempty"`
}

// Denied tells whether a policy denied the request, or one in shadow would have.
func (r DecisionRecord) Denied() bool {
	for _, s := range r.Shadows {
		if !s.Allowed {
			return true
		}
	}
	return r.Decision != nil && !r.Decision.Allowed
}
