package productpage

import (
	"net/http"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

func TestSignIn(t *testing.T) {
	var asked string
	peers := Peers{Reviews: peer(t, "reviews", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get(service.UserHeader)
	}))}
	h := Handler(service.Config{}, peers)

	w := send(h, "GET", "/login?u=jason")
	if w.Code != http.StatusSeeOther || w.Header().Get("location") != home {
		t.Fatalf("login: %d to %q", w.Code, w.Header().Get("location"))
	}
	cookie, _, _ := strings.Cut(w.Header().Get("set-cookie"), ";")
	send(h, "GET", "/api/v1/products/0/reviews", "cookie", cookie)
	if asked != "jason" {
		t.Errorf("the cookie's user reached reviews as %q", asked)
	}
	send(h, "GET", "/api/v1/products/0/reviews", "cookie", cookie, service.UserHeader, "helen")
	if asked != "helen" {
		t.Errorf("the header did not win over the cookie: %q", asked)
	}
	if w := send(h, "GET", "/logout", "cookie", cookie); !strings.Contains(w.Header().Get("set-cookie"), "Max-Age=0") {
		t.Errorf("logout: %v", w.Header())
	}
}

func TestSignInRefusesWhatIsNoName(t *testing.T) {
	h := Handler(service.Config{}, Peers{})
	for _, u := range []string{"", "a%20b", "x%0d%0ay", strings.Repeat("x", 41)} {
		if w := send(h, "GET", "/login?u="+u); w.Code != http.StatusBadRequest {
			t.Errorf("u=%q: %d", u, w.Code)
		}
	}
}
