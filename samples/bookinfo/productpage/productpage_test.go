package productpage

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/samples/bookinfo/details"
	"github.com/krater-mesh/krater/samples/bookinfo/ratings"
	"github.com/krater-mesh/krater/samples/bookinfo/reviews"
	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

func peer(t *testing.T, name string, h http.Handler) service.Peer {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return service.Peer{Name: name, URL: srv.URL, Client: srv.Client()}
}

// shop is the whole of Bookinfo with reviews of one version.
func shop(t *testing.T, version string) Peers {
	t.Helper()
	r := peer(t, "ratings", ratings.Handler(service.Config{Pod: "ratings-v1"}))
	return Peers{
		Details: peer(t, "details", details.Handler(service.Config{Pod: "details-v1"})),
		Reviews: peer(t, "reviews", reviews.Handler(service.Config{Version: version, Pod: "reviews-" + version}, r)),
		Ratings: r,
	}
}

func send(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	in := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		in.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, in)
	return w
}

func contains(t *testing.T, w *httptest.ResponseRecorder, status int, wants ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	for _, want := range wants {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is not in the answer:\n%s", want, w.Body)
		}
	}
}

func TestPageShowsEachVersion(t *testing.T) {
	for version, want := range map[string][]string{
		"v1": {"no stars"},
		"v2": {`class="stars black"`, "★★★★★", "★★★★☆", "black stars"},
		"v3": {`class="stars red"`, "red stars"},
	} {
		w := send(Handler(service.Config{Pod: "productpage-v1"}, shop(t, version)), "GET", "/productpage")
		contains(t, w, http.StatusOK, append(want, "The Symposium", "Plato", "reviews-"+version, "<b>"+version+"</b>", "details-v1")...)
		if version == "v1" && strings.Contains(w.Body.String(), "★") {
			t.Error("v1 shows stars")
		}
	}
}

func TestPageOfAnotherBook(t *testing.T) {
	h := Handler(service.Config{}, shop(t, "v1"))
	contains(t, send(h, "GET", "/productpage?id=1"), http.StatusOK, "<h1>The Frogs</h1>", "Aristophanes")
	contains(t, send(h, "GET", "/productpage?id=9"), http.StatusNotFound, "no book")
}

func TestPaneErrors(t *testing.T) {
	refuse := peer(t, "details", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "RBAC: access denied", http.StatusForbidden)
	}))
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	peers := Peers{Details: refuse, Reviews: service.Peer{Name: "reviews", URL: gone.URL, Client: http.DefaultClient}}
	w := send(Handler(service.Config{}, peers), "GET", "/productpage")
	contains(t, w, http.StatusOK, "The details did not come", "details answered 403: RBAC: access denied",
		"The reviews did not come", "calling reviews", "<i>nobody</i>")
}

func TestStarsError(t *testing.T) {
	peers := shop(t, "v1")
	broken := peer(t, "ratings", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	peers.Reviews = peer(t, "reviews", reviews.Handler(service.Config{Version: "v3"}, broken))
	contains(t, send(Handler(service.Config{}, peers), "GET", "/productpage"), http.StatusOK, "The stars did not come", "Xanthippe")
}

func TestStylesheet(t *testing.T) {
	contains(t, send(Handler(service.Config{}, Peers{}), "GET", "/static/style.css"), http.StatusOK, ".stars.red")
}
