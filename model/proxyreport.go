package model

import "time"

// ProxyReport is what an agent tells of its proxy, every few seconds. Counts
// are since the proxy's start: a smaller one than before is another start.
type ProxyReport struct {
	At       time.Time       `json:"at"`
	Started  time.Time       `json:"started"`
	Restarts int             `json:"restarts"` // by the agent, since its own start
	Requests int64           `json:"requests"` // that the proxy answered
	Errors   int64           `json:"errors"`   // of them, with 5xx
	Latency  []LatencyBucket `json:"latency,omitempty"`
	CPU      Duration        `json:"cpu"`         // of the process
	Memory   int64           `json:"memoryBytes"` // resident
	Filters  []FilterReport  `json:"filters,omitempty"`
}

// LatencyBucket counts the requests that took at most some milliseconds.
type LatencyBucket struct {
	UpTo  float64 `json:"upToMs"` // the last: infinite, written as -1
	Count int64   `json:"count"`  // cumulative
}

// FilterState is how a filter is in one proxy.
type FilterState string

// The states of a filter.
const (
	FilterRunning  FilterState = "RUNNING"
	FilterMissing  FilterState = "MISSING"   // its module cannot be had; its failure policy decides
	FilterNoSecret FilterState = "NO_SECRET" // a value that it is told is not there; its failure policy decides
	FilterFailing  FilterState = "FAILING"   // it traps; it is started again, later each time
	FilterHolding  FilterState = "HOLDING"   // it held requests of late; one that fails open stands aside
	FilterTakenOut FilterState = "OUT"       // it harmed the proxy; its failure policy decides
)

// FilterReport is how one filter is in one proxy.
type FilterReport struct {
	Object  string      `json:"object"` // Ref.String()
	Digest  string      `json:"digest"`
	State   FilterState `json:"state"`
	Since   time.Time   `json:"since"`
	Traps   int64       `json:"traps"`
	Reloads int64       `json:"reloads"`
	Memory  int64       `json:"memoryBytes,omitempty"` // linear memory of the largest of its VMs
	// OverMemory tells that a VM of it took more than it may, of late.
	OverMemory bool     `json:"overMemory,omitempty"`
	Held       int64    `json:"held,omitempty"` // requests that it did not let go, until they were ended
	Reason     string   `json:"reason,omitempty"`
	Lines      []string `json:"lines,omitempty"` // the last it wrote before it failed
}
