package accesslogreceiver

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/mesh"
	"google.golang.org/protobuf/encoding/protojson"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write testdata/*.out.yaml anew")

// arrived is what a proxy sent; the message is Envoy's.
type arrived struct {
	Proxy, Log string
	Message    json.RawMessage
}

// written is one log record.
type written struct {
	Scope      string         `json:"scope"`
	Resource   map[string]any `json:"resource"`
	Body       string         `json:"body"`
	Severity   string         `json:"severity"`
	At         string         `json:"at"`
	Trace      string         `json:"trace,omitempty"`
	Span       string         `json:"span,omitempty"`
	Attributes map[string]any `json:"attributes"`
}

func testView() *mesh.View {
	v := &mesh.View{}
	v.Set(
		[]model.Workload{
			{Namespace: "default", Name: "reviews-v1", Address: "127.80.0.5"},
			{Namespace: "default", Name: "ratings-v1", Address: "127.80.0.6"},
			{Namespace: "istio-system", Name: "istio-ingressgateway", Address: "127.80.0.1", Gateway: true},
		},
		nil,
		[]model.AttributeSet{{Attributes: []model.Attribute{{Name: "password", Redact: true}}}},
		recordedPolicies()...,
	)
	return v
}

// recordedPolicies are those that records in testdata are about.
func recordedPolicies() (out []model.PolicyReads) {
	one := []model.StringMatch{{Value: "x"}}
	policy := func(action model.Action, name string, rule model.AuthorizationRule) {
		out = append(out, model.AuthorizationPolicy{Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "default", Name: name},
			Selector: model.Selector{Namespace: "default"}, Action: action, Rules: []model.AuthorizationRule{rule}}.Recorded())
	}
	policy(model.Allow, "readers", model.AuthorizationRule{
		From: []model.Source{{Principals: one, RemoteIPBlocks: []string{"10.0.0.0/8"}}}, To: []model.Operation{{Methods: one, Ports: []uint32{1}}},
		When: []model.Condition{{Header: "x-tier", Values: one}, {Claim: []string{"groups"}, Values: one}, {Attribute: "lang", Values: one}},
	})
	policy(model.Allow, "others", model.AuthorizationRule{To: []model.Operation{{Paths: one}}, When: []model.Condition{{Header: "x-absent", Values: one}}})
	policy(model.Custom, "asked", model.AuthorizationRule{From: []model.Source{{IPBlocks: []string{"10.0.0.0/8"}}}})
	policy(model.Deny, "server-names", model.AuthorizationRule{
		To: []model.Operation{{ServerNames: one}}, When: []model.Condition{{Metadata: &model.MetadataKey{Filter: "envoy.filters.http.lua", Key: "who"}, Values: one}}})
	return out
}

func TestConvertGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, input := range inputs {
		t.Run(strings.TrimSuffix(filepath.Base(input), ".in.yaml"), func(t *testing.T) {
			text, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			var in arrived
			if err := yaml.UnmarshalStrict(text, &in); err != nil {
				t.Fatal(err)
			}
			m := &accesslogv3.StreamAccessLogsMessage{}
			if err := protojson.Unmarshal(in.Message, m); err != nil {
				t.Fatal(err)
			}
			got, err := yaml.Marshal(writtenBy(origin{in.Proxy, in.Log}, m))
			if err != nil {
				t.Fatal(err)
			}
			output := strings.TrimSuffix(input, ".in.yaml") + ".out.yaml"
			if *update {
				if err := os.WriteFile(output, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(output)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got); -update writes it anew\n%s", output, diff)
			}
		})
	}
}

func writtenBy(from origin, m *accesslogv3.StreamAccessLogsMessage) []written {
	var out []written
	for _, rl := range convert(from, m, testView(), time.Unix(1, 0)).ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				w := written{
					Scope: sl.Scope().Name(), Resource: rl.Resource().Attributes().AsRaw(), Body: r.Body().Str(),
					Severity: r.SeverityText(), At: r.Timestamp().AsTime().Format(time.RFC3339Nano), Attributes: r.Attributes().AsRaw(),
				}
				if !r.TraceID().IsEmpty() {
					w.Trace, w.Span = r.TraceID().String(), r.SpanID().String()
				}
				out = append(out, w)
			}
		}
	}
	return out
}
