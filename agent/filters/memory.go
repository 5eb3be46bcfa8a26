package filters

import (
	"os"
	"time"

	"github.com/krater-mesh/krater/model"
)

// overFor is for how long growth beyond the limit is told of.
const overFor = time.Minute

// measured knows the linear memories of one Envoy: which module's each is, is
// found out once.
type measured struct {
	pid   int
	data  map[string][]data // by digest
	owner map[uint64]owned  // by where a memory begins
}

// owned is a memory, and whose it is; "": nobody's that is known.
type owned struct {
	digest string
	size   uint64
}

// owned finds the memories of each module.
func (m *measured) owned(pid int, memories []span, digests map[string]bool, file func(string) string) map[string][]span {
	if m.pid != pid {
		*m = measured{pid: pid, data: map[string][]data{}, owner: map[uint64]owned{}}
	}
	out, there := map[string][]span{}, map[uint64]owned{}
	for _, s := range memories {
		o := m.owner[s.from]
		if o.digest == "" || s.size() < o.size { // a memory never shrinks: this is another
			o.digest = m.find(s, digests, file)
		}
		there[s.from] = owned{o.digest, s.size()}
		if o.digest != "" {
			out[o.digest] = append(out[o.digest], s)
		}
	}
	m.owner = there
	return out
}

// find is the module whose data a memory holds the most of; "": of none it
// holds even a half.
func (m *measured) find(s span, digests map[string]bool, file func(string) string) (digest string) {
	memory, err := readMemory(m.pid, s)
	if err != nil {
		return ""
	}
	best := 0
	for candidate := range digests {
		of, ok := m.data[candidate]
		if !ok {
			if code, err := os.ReadFile(file(candidate)); err == nil {
				of = dataOf(code)
				m.data[candidate] = of
			}
		}
		if same, all := likeness(memory, of); 2*same > all && same > best {
			digest, best = candidate, same
		}
	}
	return digest
}

// weigh measures the VMs, and has one started afresh that took more than it
// may: what runs in the old one ends there.
func (k *Keeper) weigh(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.run.pid == 0 || len(k.run.loaded) == 0 {
		return
	}
	layout, err := layoutOf(k.run.pid)
	if err != nil {
		return
	}
	owned := k.memories.owned(k.run.pid, layout.memories, k.run.loaded, k.o.File)
	for _, v := range k.vms {
		k.limit(v, owned[v.digest], now)
	}
}

// limit holds a VM to its limit.
func (k *Keeper) limit(v *vm, memories []span, now time.Time) {
	v.memory = 0
	draining := map[uint64]uint64{}
	for _, s := range memories {
		if size, old := v.old[s.from]; old && size <= s.size() {
			draining[s.from] = s.size()
		} else {
			v.memory = max(v.memory, s.size())
		}
	}
	v.old = draining
	most := model.VMMemory(v.id)
	if v.memory <= uint64(most) || now.Before(v.notBefore) {
		return
	}
	v.over, v.notBefore = now, now.Add(v.afresh.after(now))
	v.generation++
	v.reloads++
	for _, s := range memories {
		v.old[s.from] = s.size()
	}
	k.o.Logger.Warn("a filter took more memory than it may, and is started afresh", "vm", v.id, "bytes", v.memory, "limit", most)
	k.change()
}
