package authz_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/authz"
	"github.com/krater-mesh/krater/policyd/rego"
)

const benchRules = `package p

default allow := false

allow if {
	input.attributes.request.http.method == "GET"
	input.parsed_path[0] == "ratings"
	some role in data.roles[input.attributes.request.http.headers["end-user"]]
	role == "reader"
}
`

// benchTwenty is the policy of `make bench-authz`: twenty rules, the last one
// holds. Its first rule is another name for a part of the input.
func benchTwenty() string {
	var b strings.Builder
	b.WriteString("package p\n\nhttp := input.attributes.request.http\n\ndefault allow := false\n")
	for i := 19; i >= 0; i-- {
		fmt.Fprintf(&b, "\nallow if {\n\thttp.method == \"GET\"\n\thttp.path == \"/ratings/%d?x=1\"\n}\n", i)
	}
	return b.String()
}

// benchRequest is what a sidecar of Bookinfo asks: about fifteen headers.
var benchRequest = rego.Request{
	Method: "GET", Path: "/ratings/0?x=1", Host: "ratings:9080", ID: "1234567890",
	Source: rego.Endpoint{Address: "127.80.0.5", Port: 43210}, Target: rego.Endpoint{Address: "127.80.0.9", Port: 9080},
	Headers: []rego.Header{
		{Name: "end-user", Value: "jason"}, {Name: "x-request-id", Value: "7f0b2d2c-8a1e-4f34-9f6e-2f9c7d1d7a10"},
		{Name: "user-agent", Value: "Go-http-client/1.1"}, {Name: "accept", Value: "application/json"},
		{Name: "traceparent", Value: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		{Name: "x-forwarded-proto", Value: "http"}, {Name: "x-forwarded-for", Value: "127.80.0.5"},
		{Name: "cookie", Value: "session=eyJ1c2VyIjoiamFzb24ifQ"}, {Name: "accept-encoding", Value: "gzip"},
		{Name: "x-envoy-internal", Value: "true"}, {Name: "x-envoy-expected-rq-timeout-ms", Value: "15000"},
	},
}

func benchServer(b *testing.B) *authz.Server {
	s := authz.New(authz.Options{})
	set(b, s,
		policy("a/constant", allowAll),
		policy("a/twenty", benchTwenty()),
		policy("a/rules", benchRules, func(p *model.RegoPolicy) { p.Data = `{"roles": {"jason": ["writer", "reader"]}}` }),
	)
	return s
}

func BenchmarkCheck(b *testing.B) {
	s := benchServer(b)
	r := benchRequest.CheckRequest(0)
	r.Attributes.Request.Time = timestamppb.Now() // as Envoy says it
	for _, policies := range []string{"a/constant", "a/rules", "a/twenty", "a/constant,a/rules"} {
		b.Run(policies, func(b *testing.B) {
			ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("krater-policies", policies, "krater-workload", "default/ratings-v1"))
			b.ReportAllocs()
			for b.Loop() {
				response, err := s.Check(ctx, r)
				if err != nil || response.GetOkResponse() == nil {
					b.Fatal(response, err)
				}
			}
		})
	}
}

// BenchmarkCheckOverGRPC has the transport of both sides in it, in memory.
func BenchmarkCheckOverGRPC(b *testing.B) {
	client := dial(b, benchServer(b))
	r := benchRequest.CheckRequest(0)
	ctx := asking("a/rules")
	b.ReportAllocs()
	for b.Loop() {
		if response, err := client.Check(ctx, r); err != nil || response.GetOkResponse() == nil {
			b.Fatal(response, err)
		}
	}
}
