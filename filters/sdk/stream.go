package sdk

// Stream is one request and its answer. It is valid only while the filter's
// method runs. A change that the proxy refuses ends the request with 500.
type Stream interface {
	// Request gives the request's headers, with :method, :path, :authority. The
	// proxy has them in OnRequest and in OnDone only: keep for OnResponse, by
	// SetLocal, what it needs of them.
	Request() Headers
	// Response gives the answer's headers, with :status, in OnResponse and in
	// OnDone.
	Response() Headers
	// Property reads one of the proxy's attributes: ("source", "address").
	// Numbers are the proxy's own little-endian bytes.
	Property(path ...string) (value string, ok bool)
	// SetProperty writes filter state "wasm."+name, for the filters behind
	// this one, for policies and logs. An empty value differs from none.
	SetProperty(name, value string)
	// Reply answers the request instead of its upstream, and gives Stop. The
	// filter's own OnResponse sees the reply too.
	Reply(Reply) Verdict
	// Local gives what SetLocal kept of this stream; nil at first.
	Local() any
	// SetLocal keeps a value from OnRequest to OnResponse and OnDone.
	SetLocal(any)
	// Log writes a line to the proxy's log.
	Log(level Level, text string)
}

// Headers are those of a request or of an answer. Names are in lower case.
type Headers interface {
	// Get finds a value; duplicates come joined by ",".
	Get(name string) (value string, ok bool)
	// Set replaces all values of a name by one.
	Set(name, value string)
	// Add appends a value and keeps those that are there.
	Add(name, value string)
	// Remove drops all values of a name.
	Remove(name string)
	// All copies every header, in order; dearer than Get.
	All() [][2]string
}

// Reply is an answer that a filter gives itself.
type Reply struct {
	Status  int // HTTP status code
	Headers [][2]string
	Body    string
	// Details become the log's response code details; no spaces.
	Details string
}

// Level of a log line.
type Level uint8

// The levels that a proxy shows by default start at Info.
const (
	Debug Level = iota
	Info
	Warn
	Error
)
