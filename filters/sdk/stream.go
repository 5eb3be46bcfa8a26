package sdk

// Context is what a filter can do with a Stream and a Conn alike. It belongs
// to its request or connection, whichever callback it is used in; when that is
// over it does nothing.
type Context interface {
	// Property reads one of the proxy's attributes: ("source", "address").
	// Numbers are the proxy's own little-endian bytes: see Number. A path kept
	// in a variable and given as path... allocates nothing.
	Property(path ...string) (value string, ok bool)
	// SetProperty writes filter state "wasm."+name, for the filters behind
	// this one, for policies and logs; Property(name) reads it. An empty value
	// differs from none.
	SetProperty(name, value string)
	// Local gives what SetLocal kept of this stream; nil at first.
	Local() any
	// SetLocal keeps a value from one callback to the next.
	SetLocal(any)
	// Log writes a line to the proxy's log.
	Log(level Level, text string)
	// HTTP calls another service; Caller says how.
	Caller
	// Host gives the binding's Host.
	Host() Host
}

// Stream is one request and its answer. A filter may keep one that it paused,
// until OnDone. A change that the proxy refuses ends the request with 500.
type Stream interface {
	Context
	// Request gives the request's headers, with :method, :path, :authority. The
	// proxy has them until the request went on, and in OnLog: keep for
	// OnResponse, by SetLocal, what it needs of them.
	Request() Headers
	// Response gives the answer's headers, with :status, from OnResponse on.
	Response() Headers
	// RequestEnds tells whether the request has nothing but headers.
	RequestEnds() bool
	// RequestTrailers and ResponseTrailers are there in their callbacks.
	RequestTrailers() Headers
	ResponseTrailers() Headers
	// RequestBody and ResponseBody give the parts that the filter holds or
	// sees; they are there in their callbacks and while those have paused.
	RequestBody() Body
	ResponseBody() Body
	// Reply answers the request instead of its upstream, and gives Stop. The
	// filter's own OnResponse sees the reply too, if it is given before one.
	Reply(Reply) Verdict
	// ResumeRequest lets a paused request go on; without one it does nothing.
	ResumeRequest()
	// ResumeResponse does so with a paused answer.
	ResumeResponse()
	// ClearRouteCache has the proxy choose the route again, by the headers as
	// they are now.
	ClearRouteCache()
}

// Headers are those of a request or of an answer. Names are in lower case.
type Headers interface {
	// Get finds a value; duplicates come joined by ",", those of cookie by "; ".
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

// Body is what a proxy holds of a body at this moment.
type Body interface {
	// Len gives its size in bytes.
	Len() int
	// Read copies at most n bytes, starting at byte from.
	Read(from, n int) []byte
	// Set replaces all of it; Append and Prepend add to it.
	Set([]byte)
	Append([]byte)
	Prepend([]byte)
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
