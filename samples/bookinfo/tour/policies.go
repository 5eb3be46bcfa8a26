package tour

import "net/http"

var denied = single("Nobody deletes a book",
	"policy/authorization.yaml, enforced by Envoy itself; the application would have answered 405",
	request{method: http.MethodDelete, path: "/api/v1/products/0"},
	want(403, "RBAC: access denied"))

var regoDenied = single("helen may not rate",
	"policy/ratings.rego.yaml: the status, the body and the header are Rego's own answer",
	request{method: http.MethodPost, path: ratingsPath, header: "end-user: helen", body: `{"Agathon": 1}`},
	all(want(403, "only editors may rate books"), wantHeader("x-bookinfo-refused", "ratings-editors")))

// The stars are those that the book has already: the tour changes nothing.
var regoAllowed = single("jason may",
	"the same policy lets an editor pass",
	request{method: http.MethodPost, path: ratingsPath, header: "end-user: jason", body: `{"Agathon": 5}`},
	want(200, `"Agathon":5`))

var filtered = single("A Go filter, in Wasm, adds a header",
	"filters.yaml runs Krater's headers filter in productpage's Envoy",
	request{path: "/api/v1/products"},
	all(want(200, "The Symposium"), wantHeader("x-krater-mixed", "wasm")))
