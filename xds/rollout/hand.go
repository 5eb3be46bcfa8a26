package rollout

import (
	"fmt"

	"github.com/krater-mesh/krater/model"
)

// Promote gives a version to all proxies at once, by somebody's order.
func (b *Book) Promote(object string, in Input) error {
	t, err := b.turn(object, in)
	if err != nil {
		return err
	}
	if t.Phase == model.RolloutPromoted {
		return fmt.Errorf("%s: its version is in force everywhere already", object)
	}
	t.promote("promoted by hand")
	return nil
}

// Abort takes a version back, by somebody's order.
func (b *Book) Abort(object string, in Input) error {
	t, err := b.turn(object, in)
	if err != nil {
		return err
	}
	if !t.Active() {
		return fmt.Errorf("%s: no rollout is under way, it is %s", object, t.Phase)
	}
	t.rollBack("taken back by hand")
	return nil
}

func (b *Book) turn(object string, in Input) (turn, error) {
	r := b.Records[object]
	if r == nil || !r.Gone.IsZero() {
		return turn{}, fmt.Errorf("there is no filter %s", object)
	}
	return turn{Record: r, book: b, in: in}, nil
}
