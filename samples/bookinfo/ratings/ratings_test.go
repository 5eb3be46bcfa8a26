package ratings

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

func TestRatings(t *testing.T) {
	h := Handler(service.Config{Pod: "ratings-v1"})
	for _, tc := range []struct { // in order: a POST is seen by what follows
		method, path, send string
		status             int
		body               string
	}{
		{http.MethodGet, "/ratings/0", "", 200, `{"product":"0","stars":{"Agathon":5,"Xanthippe":4},"pod":"ratings-v1"}`},
		{http.MethodPost, "/ratings/0", `{"Agathon": 1}`, 200, `"stars":{"Agathon":1,"Xanthippe":4}`},
		{http.MethodGet, "/ratings/0", "", 200, `"stars":{"Agathon":1,"Xanthippe":4}`},
		{http.MethodGet, "/ratings/1", "", 200, `"stars":{"Agathon":3,"Xanthippe":5}`},
		{http.MethodPost, "/ratings/0", `{"Agathon": 6}`, 400, "1 to 5"},
		{http.MethodPost, "/ratings/0", `five`, 400, "send the stars by reviewer"},
		{http.MethodPost, "/ratings/9", `{"Agathon": 1}`, 404, "no book"},
		{http.MethodGet, "/ratings/9", "", 404, "no book"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.send)))
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.body) {
			t.Errorf("%s %s %s: got %d %s", tc.method, tc.path, tc.send, w.Code, w.Body)
		}
	}
}

func TestLedgerIsBounded(t *testing.T) {
	l := NewLedger()
	for i := range 2 * maxReviewers {
		_, _, _ = l.Rate(t.Context(), "0", map[string]int{strings.Repeat("x", i+1): 3})
	}
	if stars, _, _ := l.Stars(t.Context(), "0"); len(stars) != maxReviewers {
		t.Errorf("the ledger holds %d reviewers", len(stars))
	}
}
