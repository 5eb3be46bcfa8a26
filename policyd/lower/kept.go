package lower

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// Kept lowers policies, and keeps what they came to: one that did not change
// is not lowered again, and of one whose data changed only what changed is
// read again.
type Kept struct {
	mu       sync.Mutex
	old, now map[digest]*model.Lowered
	last     map[model.Ref]*lastTime
}

type digest [sha256.Size]byte

// lastTime is a policy as it was lowered last.
type lastTime struct {
	code   digest // of all but the data
	linked *rego.Linked
	data   *base
}

// maxKept bounds how many results are kept: twice so many.
const maxKept = 4096

// Policy is lower.Policy.
func (k *Kept) Policy(p model.RegoPolicy, attributes []*model.AttributeSet) *model.Lowered {
	code := codeDigest(p, attributes)
	key := texts(string(code[:]), p.Data)
	k.mu.Lock()
	defer k.mu.Unlock()
	out, known := k.now[key]
	if !known {
		if out, known = k.old[key]; !known {
			out = k.lower(p, code, attributes)
		}
		if k.now == nil || len(k.now) >= maxKept {
			k.old, k.now = k.now, map[digest]*model.Lowered{}
		}
		k.now[key] = out
	}
	return out
}

// lower uses what is known of the policy before its edit. Its data were found
// good where they were read: they are not linked again with the modules.
func (k *Kept) lower(p model.RegoPolicy, code digest, attributes []*model.AttributeSet) *model.Lowered {
	var linked *rego.Linked
	var before *base
	if last := k.last[p.Object]; last != nil {
		before = last.data
		if last.code == code {
			linked = last.linked
		}
	}
	if linked == nil {
		fresh, problems := rego.Link(p)
		if problems.HasErrors() {
			return nil
		}
		fresh.Data = nil // it is read by itself
		linked = fresh
	}
	data, ok := readData(dataText(p), before)
	if !ok {
		return Policy(p, attributes)
	}
	if k.last == nil || len(k.last) >= maxKept {
		k.last = map[model.Ref]*lastTime{}
	}
	k.last[p.Object] = &lastTime{code, linked, data}
	return newMachine(linked, p, attributes, data).lower()
}

func dataText(p model.RegoPolicy) string {
	if p.Data == "" {
		return "{}"
	}
	return p.Data
}

// codeDigest is of all that lowering depends on, but the data.
func codeDigest(p model.RegoPolicy, attributes []*model.AttributeSet) digest {
	p.Data, p.Lowered = "", nil
	return texts(p.Version(), string(p.Lower), string(p.JWT), model.Hash(attributes))
}

// texts is a digest of several texts, each with its length.
func texts(list ...string) (out digest) {
	h := sha256.New()
	for _, s := range list {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	h.Sum(out[:0])
	return out
}
