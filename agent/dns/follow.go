package dns

import (
	"context"

	"github.com/krater-mesh/krater/model"
)

// Follow serves lookups by the newest table until ctx ends, from the first
// table on: an agent that is told no names takes no lookups.
func Follow(ctx context.Context, o Options, names func() (t model.NameTable, ok bool, changed <-chan struct{})) error {
	s := New(o)
	var ended chan error
	for {
		table, ok, changed := names()
		if ok {
			s.Know(table)
		}
		if ok && ended == nil {
			ended = make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
		}
		select {
		case <-ctx.Done():
			if ended != nil {
				return <-ended
			}
			return nil
		case err := <-ended:
			return err
		case <-changed:
		}
	}
}
