package authz_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/authz"
	"github.com/krater-mesh/krater/policyd/rego"
)

const reader = `package p

allow if input.attributes.request.http.headers["x-user"] == "anna"

allow if input.parsed_path[0] == "open"
`

func reading(reads ...string) func(*model.RegoPolicy) {
	return func(p *model.RegoPolicy) {
		p.Lowered = &model.Lowered{}
		for _, r := range reads {
			p.Lowered.Reads = append(p.Lowered.Reads, model.Read{Ref: r})
		}
	}
}

// TestOnlyWhatThePolicyReadsIsRecorded: and nothing where no log asks for it.
func TestOnlyWhatThePolicyReadsIsRecorded(t *testing.T) {
	var records recorder
	s := authz.New(authz.Options{Recorder: &records})
	set(t, s, policy("a/reads", reader, reading(`input.attributes.request.http.headers["x-user"]`, "input.parsed_path[0]", `input.attributes.request.http.headers["x-absent"]`)))
	client := dial(t, s)
	request := get("/open/it?secret=1", rego.Header{Name: "x-user", Value: "bert"}, rego.Header{Name: "x-other", Value: "secret"}, rego.Header{Name: "x-request-id", Value: "r1"})

	if _, err := client.Check(asking("a/reads"), request); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Check(metadata.AppendToOutgoingContext(asking("a/reads"), "krater-log", "inputs"), request); err != nil {
		t.Fatal(err)
	}
	if len(records) != 2 || records[0].Input != nil || records[0].Logged {
		t.Fatalf("a record that nobody asked for has an input: %+v", records)
	}
	event := records[1].Event()
	want := map[string]any{
		"attributes":  map[string]any{"request": map[string]any{"http": map[string]any{"headers": map[string]any{"x-user": "bert"}}}},
		"parsed_path": []any{"open", "it"},
	}
	if diff := cmp.Diff(any(want), event.Input); diff != "" {
		t.Errorf("input (-want +got)\n%s", diff)
	}
	k := event.Custom.Krater
	if len(k.Reads) != 3 || k.RequestID != "r1" || k.Method != "GET" || k.URLPath != "/open/it" || event.Path != "p/allow" || event.Result != true {
		t.Errorf("the event is %+v", event)
	}
}

// TestShadowAsksAllAndChangesNothing: every policy answers, and nothing comes
// of it.
func TestShadowAsksAllAndChangesNothing(t *testing.T) {
	var records recorder
	s := authz.New(authz.Options{Recorder: &records})
	set(t, s, policy("a/deny", denyAll), policy("a/teapot", "package p\n\nallow := {\"allowed\": true, \"headers\": {\"x\": \"y\"}}\n"))
	response, err := dial(t, s).Check(metadata.AppendToOutgoingContext(asking("a/deny,a/teapot,a/unknown"), "krater-mode", "shadow"), get("/"))
	if err != nil {
		t.Fatal(err)
	}
	ok := response.GetOkResponse()
	if response.GetStatus().GetCode() != 0 || ok == nil || len(ok.Headers) > 0 {
		t.Errorf("the answer is %v", response)
	}
	fields := response.GetDynamicMetadata().GetFields()
	told := fields[authz.KeyShadow].GetListValue().GetValues()
	if len(fields) != 1 || len(told) != 3 || len(records) != 3 {
		t.Fatalf("told %v, recorded %v", fields, records)
	}
	for i, want := range []bool{false, true, false} {
		if got := told[i].GetStructValue().GetFields()["allowed"].GetBoolValue(); got != want || records[i].Allowed != want || !records[i].Shadow {
			t.Errorf("decision %d: told %v, recorded %+v, want %v", i, got, records[i], want)
		}
	}
}

// TestADenialNamesItsPolicyWhereAsked: and leaves a body that the policy gives.
func TestADenialNamesItsPolicyWhereAsked(t *testing.T) {
	s := authz.New(authz.Options{})
	set(t, s, policy("a/deny", denyAll), policy("a/says", "package p\n\nallow := {\"allowed\": false, \"body\": \"no\", \"headers\": {\"content-type\": \"text/x\"}}\n"))
	client := dial(t, s)
	for _, c := range []struct {
		policy, asked, body string
		headers             map[string]string
	}{
		{policy: "a/deny"},
		{policy: "a/deny", asked: "header", headers: map[string]string{"x-krater-denied-by": "RegoPolicy/a/deny/data.p.allow"}},
		{policy: "a/deny", asked: "Text", body: "denied by RegoPolicy/a/deny/data.p.allow\n", headers: map[string]string{"content-type": "text/plain"}},
		{policy: "a/deny", asked: "header,JSON", body: `{"deniedBy":"RegoPolicy/a/deny/data.p.allow"}` + "\n",
			headers: map[string]string{"content-type": "application/json", "x-krater-denied-by": "RegoPolicy/a/deny/data.p.allow"}},
		{policy: "a/says", asked: "header,JSON", body: "no",
			headers: map[string]string{"content-type": "text/x", "x-krater-denied-by": "RegoPolicy/a/says/data.p.allow"}},
	} {
		ctx := asking(c.policy)
		if c.asked != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "krater-denials", c.asked)
		}
		response, err := client.Check(ctx, get("/"))
		if err != nil {
			t.Fatal(err)
		}
		denied, got := response.GetDeniedResponse(), map[string]string{}
		for _, h := range denied.GetHeaders() {
			got[h.Header.Key] = h.Header.Value
		}
		if c.headers == nil {
			c.headers = map[string]string{}
		}
		if diff := cmp.Diff(c.headers, got); diff != "" || denied.GetBody() != c.body {
			t.Errorf("%s, asked for %q: body %q, headers (-want +got)\n%s", c.policy, c.asked, denied.GetBody(), diff)
		}
	}
}
