package translate

import (
	"slices"

	"github.com/krater-mesh/krater/model"
)

// revision counts how often each list that the shared parts are made of has
// changed. What was made of a list is kept as long as its count is the same:
// most edits change one list, and the rest need not be looked at.
type revision struct {
	mesh, services, sidecars, routes, destinations, patches uint64
}

// revise compares a snapshot with the one before.
func (c *Compiler) revise(snap *model.Snapshot, sameMesh bool) {
	was := c.last
	if was == nil {
		was = &model.Snapshot{}
	}
	count := func(n *uint64, same bool) {
		if !same {
			*n++
		}
	}
	count(&c.revision.mesh, sameMesh)
	count(&c.revision.services, slices.Equal(was.Services, snap.Services))
	count(&c.revision.sidecars, slices.Equal(was.Sidecars, snap.Sidecars))
	count(&c.revision.routes, slices.Equal(was.Routes, snap.Routes))
	count(&c.revision.destinations, slices.Equal(was.Destinations, snap.Destinations))
	count(&c.revision.patches, slices.Equal(was.Patches, snap.Patches))
	c.last = snap
}

// scopes is the revision of what a scope is made of: routes matter where a
// Sidecar imports them.
func (v revision) scopes(s *model.Sidecar) revision {
	if v.destinations = 0; s == nil {
		v.routes = 0
	}
	return v
}

// calls is the revision of how services are called.
func (v revision) calls(s *model.Sidecar) revision {
	out := v.scopes(s)
	out.destinations = v.destinations
	return out
}

// piece is a result that is kept as long as its revision is the same.
type piece[T any] struct {
	made bool
	of   revision
	out  T
	uses []used // what generators gave for it
}

// used is a generator's result, which is to be kept.
type used interface{ keep() }

// get makes the result, or keeps the one that there is.
func (p *piece[T]) get(c *Compiler, v revision, fresh func() T) T {
	if p.made && p.of == v {
		for _, u := range p.uses {
			u.keep()
		}
		return p.out
	}
	outer := c.notes.uses
	c.notes.uses = nil
	p.out, p.made, p.of = fresh(), true, v
	p.uses, c.notes.uses = c.notes.uses, outer
	return p.out
}

// notes are what generators gave for the piece under way.
type notes struct{ uses []used }
