package reviews

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/krater-mesh/krater/samples/bookinfo/ratings"
	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

// ask gets /reviews/0 of one version, with the given handler as its ratings.
func ask(t *testing.T, version string, peer http.Handler) Reviews {
	t.Helper()
	srv := httptest.NewServer(peer)
	defer srv.Close()
	h := Handler(service.Config{Version: version, Pod: "reviews-" + version},
		service.Peer{Name: "ratings", URL: srv.URL, Client: srv.Client()})
	in := httptest.NewRequest(http.MethodGet, "/reviews/0", nil)
	in.Header.Set(service.UserHeader, "jason")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, in)
	var got Reviews
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s: got %d %s (%v)", version, w.Code, w.Body, err)
	}
	return got
}

func TestVersions(t *testing.T) {
	for version, want := range map[string]struct {
		stars string
		first int
		calls int
	}{"v1": {"", 0, 0}, "v2": {"black", 5, 1}, "v3": {"red", 5, 1}} {
		calls := 0
		real := ratings.Handler(service.Config{})
		got := ask(t, version, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			if r.Header.Get(service.UserHeader) != "jason" {
				t.Errorf("%s: the user was not passed on", version)
			}
			real.ServeHTTP(w, r)
		}))
		if got.Stars != want.stars || got.Reviews[0].Rating != want.first || calls != want.calls {
			t.Errorf("%s: got %+v after %d calls", version, got, calls)
		}
		if got.Version != version || got.Pod != "reviews-"+version || len(got.Reviews) != 2 {
			t.Errorf("%s: got %+v", version, got)
		}
	}
	if texts["0"][0].Rating != 0 {
		t.Error("a request wrote its stars into the shared texts")
	}
}

func TestRatingsFail(t *testing.T) {
	got := ask(t, "v3", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "fault filter abort", http.StatusInternalServerError)
	}))
	if got.RatingsError != "ratings answered 500: fault filter abort" || len(got.Reviews) != 2 || got.Reviews[0].Rating != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestUnknownBook(t *testing.T) {
	w := httptest.NewRecorder()
	Handler(service.Config{Version: "v1"}, service.Peer{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/reviews/9", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("got %d", w.Code)
	}
}
