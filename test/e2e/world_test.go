package e2e_test

import (
	"encoding/json"
	"net/url"
	"sync"
	"testing"

	"github.com/krater-mesh/krater/test/harness"
)

var testapp sync.Once

// small is a copy of a mesh in testdata, of the tests' own application.
func small(t *testing.T, name string) *harness.Mesh {
	t.Helper()
	testapp.Do(func() { harness.Build(t, "testapp", "./test/e2e/testapp") })
	return harness.Sample(t, "test/e2e/testdata/"+name)
}

// echoed is what the application answers: what it saw.
type echoed struct {
	Who, Method, Path, Host, From, Proto, ServerName string
	Args                                             []string
	Headers                                          map[string][]string
}

func seen(t *testing.T, body string) echoed {
	t.Helper()
	var e echoed
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("not the application's answer: %v\n%s", err, body)
	}
	return e
}

// called is what came of a call that an application made.
type called struct {
	Status                         int
	Code, Body, Certificate, Error string
}

// call has the application at an address (".0.1") make a call, with nothing
// but its own environment.
func call(t *testing.T, m *harness.Mesh, at string, query url.Values) called {
	t.Helper()
	a := mustAsk(t, "GET", "http://"+m.Network+at+":8080/call?"+query.Encode(), "")
	var c called
	if err := json.Unmarshal([]byte(a.body), &c); err != nil {
		t.Fatalf("the caller answers %d: %s", a.status, a.body)
	}
	return c
}
