package details

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

func TestDetails(t *testing.T) {
	for _, tc := range []struct {
		method, path string
		status       int
		body         string
	}{
		{http.MethodGet, "/details/0", http.StatusOK, `{"product":"0","author":"Plato",`},
		{http.MethodGet, "/details/2", http.StatusOK, `"pod":"details-v1"}`},
		{http.MethodGet, "/details/9", http.StatusNotFound, `{"error":"no book has the id \"9\""}`},
		{http.MethodDelete, "/details/0", http.StatusMethodNotAllowed, ""},
	} {
		w := httptest.NewRecorder()
		Handler(service.Config{Pod: "details-v1"}).ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, nil))
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.body) {
			t.Errorf("%s %s: got %d %s", tc.method, tc.path, w.Code, w.Body)
		}
	}
}
