package draw_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/config/analysis"
	"github.com/krater-mesh/krater/config/snapshot"
	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/draw"
)

// TestNoRequestTakesARuleThatNoneGetsTo: analysis of drawn objects never
// panics, its problems stand at a line, and what it says of unreachable rules
// holds for drawn requests.
func TestNoRequestTakesARuleThatNoneGetsTo(t *testing.T) {
	mesh, err := os.ReadFile(filepath.Join("..", "trafficcases", "mesh.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	flagged, taken := 0, 0
	for i := range 250 {
		d := draw.New(11, i)
		text := string(mesh)
		for _, o := range d.Objects(draw.Shop()) {
			one, err := yaml.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			text += "---\n" + string(one)
		}
		input := resolve(t, text)
		dead := unreachable(input, analysis.Analyze(input))
		flagged += len(dead)
		for range 150 * min(len(dead), 1) {
			r := request(d)
			e, err := explain.Explain(input.Snapshot, input.Endpoints, nil, r)
			if err != nil || e.First.Route == nil || e.First.Route.Table == "" {
				continue
			}
			taken++
			if p, ok := dead[e.First.Route.Name]; ok {
				t.Fatalf("draw %d: %+v takes %s, of which is said: %s\n%s", i, r, e.First.Route.Name, p, text)
			}
		}
	}
	t.Logf("%d rules were said to be unreachable; %d requests were routed", flagged, taken)
	if flagged < 40 || taken < 400 {
		t.Errorf("%d rules were said to be unreachable, %d requests were routed: that shows little", flagged, taken)
	}
}

func resolve(t *testing.T, text string) analysis.Input {
	objects, _, problems := crds.Parse("drawn.yaml", []byte(text))
	st, err := store.Open("", store.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	built := snapshot.Build(st.Apply(source.Listing{Objects: objects, Problems: problems}).Candidates, snapshot.Options{WorkingDir: "/mesh"})
	return analysis.Input{Snapshot: built.Snapshot, Endpoints: built.Endpoints, Entries: built.InForce, Now: time.Unix(0, 0)}
}

// unreachable are the names by which explanations call the rules that no
// request gets to.
func unreachable(in analysis.Input, problems model.Problems) map[string]model.Problem {
	out := map[string]model.Problem{}
	for _, p := range problems {
		var i int
		if _, err := fmt.Sscanf(p.Field, "spec.http[%d]", &i); p.Code != model.CodeUnreachable || err != nil || !strings.HasPrefix(p.Message, "no request gets here") {
			continue
		}
		for _, e := range in.Entries {
			if e.Ref == p.Object && len(e.Content.Routes.Hosts) > 0 {
				out[e.Ref.Key()+"/"+e.Content.Routes.HTTP[i].Name] = p
			}
		}
	}
	return out
}

func request(d draw.Drawer) explain.Request {
	of := func(texts ...string) string { return texts[d.IntN(len(texts))] }
	r := explain.Request{From: of("web", "batch", "edge", "edge"), Method: of("GET", "POST", "HEAD"), Headers: explain.Headers{}}
	r.Host = of("reviews.default:9080", "ratings.default:9080", "details.default", "details.default:8443", "payments.ops:8080", "entry0.example.com", "entry1.example.com")
	if r.From == "edge" {
		r.Host = of("shop.example.com", "x.shop.example.net", "reviews.default.svc.cluster.local", "other.example.com") + of("", ":8090")
	}
	r.Path = of("/", "/a", "/A", "/a/b", "/api/x", "/ab", "/a/1", "/~a", "/x.b/y", "/a.b") + of("", "?q=a", "?debug", "?q=1&debug=A")
	for range d.IntN(3) {
		name := of("x-a", "x-b", "cookie", "x-d")
		r.Headers[name] = []string{of("a", "A", "1", "b", "a,b", "")}
	}
	return r
}
