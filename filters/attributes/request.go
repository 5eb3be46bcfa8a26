package attributes

import (
	"strings"

	"github.com/krater-mesh/krater/filters/sdk"
)

// request reads the parts of one request, each at most once.
type request struct {
	stream      sdk.Stream // nil: only headers are there
	headers     sdk.Headers
	body        []byte
	document    sdk.JSON // of the body
	parsed      bool
	broken      bool   // the body is no JSON
	kind        string // of the attribute that is drawn
	unfit       bool   // there is a value, and it is none of this kind
	path, query string
	cookies     string
	hasPath     bool
	hasCookies  bool
}

// target gives :path in its two parts, without a fragment.
func (r *request) target() (path, query string) {
	if !r.hasPath {
		r.hasPath = true
		whole, _ := r.headers.Get(":path")
		whole, _, _ = strings.Cut(whole, "#")
		r.path, r.query, _ = strings.Cut(whole, "?")
	}
	return r.path, r.query
}

func (r *request) cookie() string {
	if !r.hasCookies {
		r.hasCookies = true
		r.cookies, _ = r.headers.Get("cookie")
	}
	return r.cookies
}
