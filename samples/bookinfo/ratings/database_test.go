package ratings

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/samples/bookinfo/service"
)

// TestADatabaseThatIsNotThere: no answer tells the password. What a database
// that is there answers, samples/vm shows.
func TestADatabaseThatIsNotThere(t *testing.T) {
	for _, dsn := range []string{"u:s3cr3t@tcp(127.0.0.1:1)/ratings", "u:s3cr3t@nonsense"} {
		t.Setenv("MYSQL_DSN", dsn)
		h := Handler(service.Config{Pod: "ratings-v1"})
		for _, r := range []*http.Request{httptest.NewRequest("GET", "/ratings/0", nil), httptest.NewRequest("POST", "/ratings/0", strings.NewReader(`{"Agathon": 1}`))} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "the ratings cannot be had") || strings.Contains(w.Body.String(), "s3cr3t") {
				t.Errorf("%s by %s: %d %s", r.Method, dsn, w.Code, w.Body)
			}
		}
	}
}
