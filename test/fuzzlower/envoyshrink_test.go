package fuzzlower

import (
	"slices"

	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
)

// smaller gives groups with one thing less, so many at most.
func (g group) smaller(c *campaign, most int) []group {
	var out []group
	for i := range g {
		if len(g) > 1 {
			out = append(out, slices.Delete(slices.Clone(g), i, i+1))
		}
	}
	for i := range g {
		for _, less := range g[i].drawn.Smaller() {
			if q, ok := c.ready(less); ok && len(out) < most {
				q.draw = g[i].draw
				with := slices.Clone(g)
				with[i] = q
				out = append(out, with)
			}
		}
	}
	return out
}

// shrinkInEnvoy makes a finding smaller as long as it is one: all that is one
// thing less is published at once, and the first that still fails goes on.
func (c *campaign) shrinkInEnvoy(runner *envoyrunner.Runner, f finding) finding {
	for range 20 {
		list := append([]group{f.group}, f.group.smaller(c, 60)...)
		c.publish(runner, list)
		client := runner.Client()
		for again := true; again; {
			again = false
			for _, less := range f.request.Smaller() {
				if _, _, why := c.compare(client, f.group, 0, less); why != "" {
					f.request, f.why, again = less, why, true
					break
				}
			}
		}
		next := 1
		for ; next < len(list); next++ {
			if _, _, why := c.compare(client, list[next], next, f.request); why != "" {
				f.group, f.why = list[next], why
				break
			}
		}
		client.Close()
		if next == len(list) {
			break
		}
	}
	return f
}
