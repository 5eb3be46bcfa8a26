package rego

import (
	"context"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// TestDeclaredAttributes: a policy sees each under its name, as its type.
func TestDeclaredAttributes(t *testing.T) {
	policy := model.RegoPolicy{Query: "data.a.allow", Timeout: 1e9, Modules: []model.RegoModule{{Name: "a.rego", Source: `package a
allow if {
	input.attribute.user == "jason"
	input.attribute["order.items"] > 6
	input.attribute.score == 0.25
	input.attribute.internal
	"admin" in input.attribute.groups
	time.parse_rfc3339_ns(input.attribute.since) < 2000000000000000000
	not input.attribute.absent
}`}}}
	var list []Declared
	for _, text := range []string{"user=string:jason", "order.items=int:7", "score=double:0.25", "internal=bool:true", "groups=list:dev,admin",
		"since=timestamp:2026-01-02T03:04:05Z", "absent=string:", "odd", "bad=int:x", "worse=double:NaN"} {
		if d, ok := ReadDeclared(text); ok {
			list = append(list, d)
		}
	}
	for _, with := range []bool{true, false} {
		r := Request{}
		if with {
			r.Declared = list
		}
		answer, err := Evaluate(context.Background(), policy, r)
		if err != nil || answer.Allowed != with {
			t.Errorf("with attributes %t: %+v, %v", with, answer, err)
		}
	}
}
