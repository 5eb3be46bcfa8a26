package lower

import (
	"sync"

	"github.com/krater-mesh/krater/model"
)

// Kept lowers policies, and keeps what they came to: one that did not change
// is not lowered again.
type Kept struct {
	mu  sync.Mutex
	old map[string]*model.Lowered
	now map[string]*model.Lowered
}

// maxKept bounds how many results are kept: twice so many.
const maxKept = 4096

// Policy is lower.Policy.
func (k *Kept) Policy(p model.RegoPolicy, attributes []*model.AttributeSet) *model.Lowered {
	key := model.Hash(struct {
		Version    string
		Lower      model.Lower
		JWT        model.JWTPlace
		Attributes []*model.AttributeSet
	}{p.Version(), p.Lower, p.JWT, attributes})
	k.mu.Lock()
	defer k.mu.Unlock()
	out, known := k.now[key]
	if !known {
		if out, known = k.old[key]; !known {
			out = Policy(p, attributes)
		}
		if k.now == nil || len(k.now) >= maxKept {
			k.old, k.now = k.now, map[string]*model.Lowered{}
		}
		k.now[key] = out
	}
	return out
}
