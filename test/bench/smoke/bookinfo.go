package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/krater-mesh/krater/test/bench/mesh"
)

// startGoal is how long Bookinfo may take until synced, in seconds (issue 3).
const startGoal = 20

func measureBookinfo(ctx context.Context, o options, r *report) (err error) {
	progress("bookinfo: starting it")
	m, err := mesh.Start(ctx, mesh.Options{From: filepath.Join(o.root, "samples", "bookinfo"), Bin: o.bin, Limit: o.start})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Stop()) }()
	r.start = m.Started.Seconds()
	progress("bookinfo: synced after %.1f s", r.start)
	b, err := newBench(ctx, o, m)
	if err != nil {
		return err
	}
	page := scenario{name: "page", base: "http://" + m.Network + ".0.1:8080", path: "/productpage", requests: o.pages}
	samples, err := b.rounds(ctx, "bookinfo", []scenario{page})
	if err != nil {
		return err
	}
	r.groups = append(r.groups, group{
		name: "bookinfo", says: "the whole sample as it is: gateway, productpage, details, reviews, ratings; logs, metrics, every request traced",
		idle: b.idle, rows: []row{newRow(page.name, samples[page.name])}, processes: true,
	})
	if err := measureEdits(ctx, o, m, r); err != nil {
		return err
	}
	return measureRestarts(ctx, m, r)
}
