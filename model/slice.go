package model

// The resource types of policyd's and the collector's slices, and of what an
// agent keeps for itself, served over the same delta xDS as Envoy's own. A
// resource is a google.protobuf.BytesValue that holds the JSON of the model
// type; its name is the object's key ("namespace/name").
const (
	TypeRegoPolicy       = "type.googleapis.com/krater.v1alpha1.RegoPolicy"
	TypeTelemetryRule    = "type.googleapis.com/krater.v1alpha1.TelemetryRule"
	TypeTelemetryBackend = "type.googleapis.com/krater.v1alpha1.TelemetryBackend"
	TypeWorkload         = "type.googleapis.com/krater.v1alpha1.Workload"
	TypeAttributeSet     = "type.googleapis.com/krater.v1alpha1.AttributeSet"
	TypePolicyReads      = "type.googleapis.com/krater.v1alpha1.PolicyReads"
	// TypeAgentSettings has one resource, AgentSettingsName.
	TypeAgentSettings = "type.googleapis.com/krater.v1alpha1.AgentSettings"
)

// The NameTable of a workload whose traffic is redirected, one resource.
const (
	TypeNameTable = "type.googleapis.com/krater.v1alpha1.NameTable"
	NameTableName = "names"
)

// AgentSettingsName is the same for all: equal settings are one resource.
const AgentSettingsName = "agent"

// The node ids of the two daemons that subscribe.
const (
	NodePolicyd   = "krater/policyd"
	NodeCollector = "krater/collector"
)
