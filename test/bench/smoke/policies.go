package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/krater-mesh/krater/test/bench/mesh"
)

// variant is how much telemetry every scenario of a run has.
type variant struct {
	name, says string
	log, count bool
}

var variants = []variant{
	{"full", "every request logged to a file, two metrics, no traces", true, true},
	{"metrics", "two metrics, no access log, no traces", false, true},
	{"bare", "no telemetry: what the policy itself costs", false, false},
}

// edit makes testdata/policies the variant.
func (v variant) edit(name, text string) string {
	switch {
	case name == "telemetry.yaml" && !v.count && !v.log:
		return ""
	case name == "mesh.yaml" && !v.log:
		return strings.Replace(text, "accessLog: {disabled: false}", "accessLog: {disabled: true}", 1)
	}
	return text
}

func measurePolicies(ctx context.Context, o options, r *report) error {
	for _, v := range variants {
		if err := measureVariant(ctx, o, v, r); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
	}
	return nil
}

func measureVariant(ctx context.Context, o options, v variant, r *report) (err error) {
	progress("%s: starting a mesh of four proxies (%s)", v.name, v.says)
	m, err := mesh.Start(ctx, mesh.Options{
		From: filepath.Join(o.root, "test", "bench", "testdata", "policies"), Bin: o.bin, Edit: v.edit, Limit: o.start,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Stop()) }()
	b, err := newBench(ctx, o, m)
	if err != nil {
		return err
	}
	list := scenarios(m, o.requests)
	samples, err := b.rounds(ctx, v.name, list)
	if err != nil {
		return err
	}
	g := group{name: v.name, says: v.says, idle: b.idle}
	for _, s := range list {
		g.rows = append(g.rows, newRow(s.name, samples[s.name]))
	}
	r.groups = append(r.groups, g)
	return nil
}
