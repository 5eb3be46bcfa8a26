package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// rules measures lowered policies by their number of rules, and how long
// Envoy's main thread stands still when one of them is edited.
func rules(ctx context.Context, o options) (list []*subject, err error) {
	files := map[string]string{}
	tables := map[string]table{}
	for _, n := range []int{20, 100, 1000, 10000} {
		tables[fmt.Sprintf("n%d", n)] = table{n, false}
	}
	tables["mix10000"] = table{10000, true}
	for _, name := range []string{"n20", "n100", "n1000", "n10000", "mix10000"} {
		t := tables[name]
		files[name+".yaml"] = t.policy(name, 0)
		list = append(list, &subject{name: name, text: t.says(), base: "n20", header: []string{"x-user: " + t.user(t.rules-1)}})
	}
	m, err := o.mesh(ctx, list, files)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Stop()) }()
	admins := make([]string, len(list))
	for i, s := range list {
		admins[i] = strings.Replace(s.url, ":8000", ":15000", 1)
		s.refused = s.url + refused
		s.url += tables[s.name].path(tables[s.name].rules - 1)
	}
	if err := o.measure(ctx, list); err != nil {
		return nil, err
	}
	for i, s := range list {
		progress("editing the policy of %s", s.text)
		if s.stall, err = stall(ctx, admins[i], func() error {
			_, err := m.Write(s.name+".yaml", tables[s.name].policy(s.name, 1))
			return err
		}, func(ctx context.Context) error { return s.answers(ctx, s.url+"/edited", 200) }); err != nil {
			return nil, fmt.Errorf("editing %s: %w", s.name, err)
		}
	}
	return list, nil
}

// table is a policy made of many grants, which are data.
type table struct {
	rules int
	mixed bool // a tenth has no path, others prefixes, blocks, claims
}

func (t table) says() string {
	if t.mixed {
		return fmt.Sprintf("%d rules, mixed", t.rules)
	}
	return fmt.Sprintf("%d rules", t.rules)
}

func (table) path(i int) string { return fmt.Sprintf("/bench/%d", i) }
func (table) user(i int) string { return fmt.Sprintf("user-%d", i) }

const grants = `package bench

http := input.attributes.request.http

user := http.headers["x-user"]

claims := input.attributes.metadataContext.filterMetadata["envoy.filters.http.jwt_authn"].payload

default allow := false

allow if {
	some g in data.exact
	http.path == g[0]
	user == g[1]
}

allow if {
	some g in data.users
	user == g
}

allow if {
	some g in data.prefixes
	startswith(http.path, g[0])
	user == g[1]
}

allow if {
	some g in data.blocks
	net.cidr_contains(g[0], input.attributes.source.address.socketAddress.address)
	user == g[1]
}

allow if {
	some g in data.roles
	claims.role == g[0]
	http.path == g[1]
}
`

// policy declares the table, with so many grants more. Its last rule is the
// one that matches the load.
func (t table) policy(name string, more int) string {
	lists := map[string][]string{"exact": nil, "users": nil, "prefixes": nil, "blocks": nil, "roles": nil}
	add := func(list, format string, args ...any) {
		lists[list] = append(lists[list], fmt.Sprintf(format, args...))
	}
	for i := range t.rules {
		kind := i % 10
		if !t.mixed || i == t.rules-1 {
			kind = 9
		}
		switch kind {
		case 0:
			add("users", "%q", fmt.Sprintf("everywhere-%d", i))
		case 1:
			add("prefixes", "[%q, %q]", fmt.Sprintf("/p/%d/", i%100), t.user(i))
		case 2:
			add("prefixes", "[%q, %q]", fmt.Sprintf("/p/%d/%d", i%100, i), t.user(i))
		case 3:
			add("blocks", "[%q, %q]", fmt.Sprintf("10.%d.%d.0/24", i/256, i%256), t.user(i))
		case 4:
			add("roles", "[%q, %q]", fmt.Sprintf("role-%d", i), t.path(i))
		default:
			add("exact", "[%q, %q]", t.path(i), t.user(i))
		}
	}
	if more > 0 {
		add("exact", "[%q, %q]", t.path(t.rules-1)+"/edited", t.user(t.rules-1))
	}
	var data []string
	for _, name := range []string{"exact", "users", "prefixes", "blocks", "roles"} {
		data = append(data, fmt.Sprintf("%s: [%s]", name, strings.Join(lists[name], ", ")))
	}
	return regoPolicy(name, grants, "lower: Require", "data: {"+strings.Join(data, ", ")+"}")
}
