package productpage

import (
	"net/http"
	"testing"

	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

func TestAPI(t *testing.T) {
	h := Handler(service.Config{}, shop(t, "v2"))
	contains(t, send(h, "GET", "/api/v1/products"), 200, `"id":"0","title":"The Symposium"`)
	contains(t, send(h, "GET", "/api/v1/products/0"), 200, `"author":"Plato"`)
	contains(t, send(h, "GET", "/api/v1/products/0/reviews"), 200, `"pod":"reviews-v2"`)
	contains(t, send(h, "GET", "/api/v1/products/0/ratings"), 200, `"Agathon":5`)
	contains(t, send(h, "GET", "/api/v1/products/9/ratings"), 404, "no book")
	contains(t, send(h, "POST", "/api/v1/products/0/ratings"), 400, "send the stars")
	contains(t, send(h, "DELETE", "/api/v1/products/0"), 405)
}

func TestAPIHandsOnARefusal(t *testing.T) {
	peers := Peers{Ratings: peer(t, "ratings", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-bookinfo-refused", "ratings")
		w.Header().Set("x-internal", "secret")
		w.WriteHeader(http.StatusForbidden)
		w.Write([]byte("not you"))
	}))}
	w := send(Handler(service.Config{}, peers), "POST", "/api/v1/products/0/ratings")
	contains(t, w, http.StatusForbidden, "not you")
	if w.Header().Get("x-bookinfo-refused") != "ratings" || w.Header().Get("x-internal") != "" {
		t.Errorf("headers: %v", w.Header())
	}
}

func TestAPIPeerGone(t *testing.T) {
	peers := Peers{Details: service.Peer{Name: "details", URL: "http://127.0.0.1:1", Client: http.DefaultClient}}
	contains(t, send(Handler(service.Config{}, peers), "GET", "/api/v1/products/0"), http.StatusBadGateway, "calling details")
}
