// Package attribute is the vocabulary of request attributes: their names and
// types, and a small Bag of values. It is shared with Wasm guests: it imports
// nothing and allocates little.
package attribute

// Type of an attribute's value.
type Type uint8

const (
	Unknown Type = iota
	String
	Int
	Double
	Bool
	Time
	Duration
	Bytes
	Map // from string to string
)

// Info describes one attribute.
type Info struct {
	Name string
	Type Type
	// Response attributes exist only after the request was answered: no
	// policy reads them.
	Response bool
}

// Vocabulary lists every attribute that expressions may name: Envoy's names,
// then the mesh names that Mixer's users know. Sorted within each part.
var Vocabulary = []Info{
	{"connection.dns_san_peer_certificate", String, false},
	{"connection.id", Int, false},
	{"connection.mtls", Bool, false},
	{"connection.requested_server_name", String, false},
	{"connection.uri_san_peer_certificate", String, false},
	{"destination.address", String, false},
	{"destination.port", Int, false},
	{"request.duration", Duration, true},
	{"request.headers", Map, false},
	{"request.host", String, false},
	{"request.id", String, false},
	{"request.method", String, false},
	{"request.path", String, false},
	{"request.protocol", String, false},
	{"request.query", String, false},
	{"request.referer", String, false},
	{"request.scheme", String, false},
	{"request.size", Int, true},
	{"request.time", Time, false},
	{"request.total_size", Int, true},
	{"request.url_path", String, false},
	{"request.useragent", String, false},
	{"response.code", Int, true},
	{"response.code_details", String, true},
	{"response.flags", Int, true},
	{"response.grpc_status", Int, true},
	{"response.headers", Map, true},
	{"response.size", Int, true},
	{"response.total_size", Int, true},
	{"source.address", String, false},
	{"source.port", Int, false},
	{"upstream.address", String, true},

	{"destination.labels", Map, false},
	{"destination.namespace", String, false},
	{"destination.principal", String, false}, // "TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT"
	{"destination.service.host", String, false},
	{"destination.service.name", String, false},
	{"destination.service.namespace", String, false},
	{"destination.service_account", String, false},
	{"destination.version", String, false},
	{"destination.workload.name", String, false},
	{"destination.workload.namespace", String, false},
	{"mesh.reporter", String, false}, // "source" or "destination"
	{"route.name", String, false},
	{"source.labels", Map, false},
	{"source.namespace", String, false},
	{"source.principal", String, false},
	{"source.service_account", String, false},
	{"source.version", String, false},
	{"source.workload.name", String, false},
	{"source.workload.namespace", String, false},
}

// Lookup finds a name in the vocabulary.
func Lookup(name string) (Info, bool) {
	for _, i := range Vocabulary {
		if i.Name == name {
			return i, true
		}
	}
	return Info{}, false
}

// Value is one attribute of a Bag.
type Value struct{ Name, Text string }

// Bag holds the attributes drawn from one request, in order of declaration.
// The zero Bag is empty; Reset keeps its memory for the next request.
type Bag struct{ values []Value }

// Set adds or replaces a value.
func (b *Bag) Set(name, text string) {
	for i := range b.values {
		if b.values[i].Name == name {
			b.values[i].Text = text
			return
		}
	}
	b.values = append(b.values, Value{name, text})
}

// Get finds a value; an absent one differs from an empty one.
func (b *Bag) Get(name string) (string, bool) {
	for i := range b.values {
		if b.values[i].Name == name {
			return b.values[i].Text, true
		}
	}
	return "", false
}

// All gives the values; they are the Bag's own until Reset.
func (b *Bag) All() []Value { return b.values }

// Reset empties the Bag.
func (b *Bag) Reset() { b.values = b.values[:0] }
