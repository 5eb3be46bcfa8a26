package snapshot

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"sort"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// The ports that are given out: applications', on 127.0.0.1, and those that
// sidecars open for TCP services.
const (
	appPortFirst, appPortCount     = 20000, 12000
	localPortFirst, localPortCount = 16000, 4000
)

// assign gives each workload its address and each port the application's.
// What is declared is kept; the rest follows from names by a stable hash, so
// one more workload moves no other, but for the rare collision.
func (d *draft) assign(e *crds.Entry, m *crds.Mesh) []model.Workload {
	a := &assignment{draft: d, entry: e, mesh: m, addresses: map[string]string{}, ports: map[uint32]string{}}
	a.workloads = slices.Clone(m.Workloads)
	for i := range a.workloads {
		a.workloads[i].Ports = slices.Clone(a.workloads[i].Ports)
		a.order = append(a.order, i)
	}
	sort.Slice(a.order, func(i, j int) bool { return a.workloads[a.order[i]].ID() < a.workloads[a.order[j]].ID() })
	a.declaredAddresses()
	a.freeAddresses()
	a.declaredPorts()
	a.freePorts()
	return a.workloads
}

type assignment struct {
	draft     *draft
	entry     *crds.Entry
	mesh      *crds.Mesh
	workloads []model.Workload
	order     []int             // indices of workloads, by ID
	addresses map[string]string // who has it
	ports     map[uint32]string
}

func (a *assignment) declaredAddresses() {
	for i, w := range a.workloads { // in order of declaration: the second is to blame
		if w.Address == "" {
			continue
		}
		if other := a.addresses[w.Address]; other != "" {
			a.draft.problem(a.entry, model.Error, model.CodePort, a.mesh.Fields[i]+".address", "give each workload an address of its own, or none",
				"%s has the address %s already", other, w.Address)
			continue
		}
		a.addresses[w.Address] = w.ID()
	}
}

func (a *assignment) freeAddresses() {
	network, err := netip.ParsePrefix(a.mesh.Settings.Network)
	if err != nil { // the Mesh object was checked
		return
	}
	base := binary.BigEndian.Uint32(network.Masked().Addr().AsSlice())
	size := uint32(1) << (32 - network.Bits())
	firstGateway := true
	for _, i := range a.order {
		w := &a.workloads[i]
		if w.Address == "" && w.Gateway && firstGateway && a.take(address(base+1), w) {
			firstGateway = false
			continue
		}
		firstGateway = firstGateway && !w.Gateway
		start := hash(w.ID())
		for n := uint32(0); w.Address == "" && n < size; n++ {
			at := (start + n) % size
			if last := (base + at) & 0xff; at > 1 && last != 0 && last != 255 {
				a.take(address(base+at), w)
			}
		}
		if w.Address == "" {
			a.draft.problem(a.entry, model.Error, model.CodeInvalidValue, "spec.local.network", "choose a larger one",
				"the network %s has no address left for %s", network, w.ID())
		}
	}
}

func (a *assignment) take(address string, w *model.Workload) bool {
	if a.addresses[address] != "" {
		return false
	}
	w.Address, a.addresses[address] = address, w.ID()
	return true
}

func (a *assignment) declaredPorts() {
	for i, w := range a.workloads {
		bound := map[uint32]bool{}
		for j, p := range w.Ports {
			field := item(a.mesh.Fields[i]+".ports", j)
			switch {
			case w.Gateway && bound[p.AppPort]:
				a.draft.problem(a.entry, model.Error, model.CodePort, field, "", "the gateway binds port %d twice", p.AppPort)
			case w.Gateway || p.AppPort == 0 || w.Interception == model.InterceptByRedirect: // its machine is its own
			case a.ports[p.AppPort] != "":
				a.draft.problem(a.entry, model.Error, model.CodePort, field+".appPort", "leave appPort out, and it is chosen",
					"the application of %s listens on port %d already", a.ports[p.AppPort], p.AppPort)
			default:
				a.ports[p.AppPort] = w.ID()
			}
			bound[p.AppPort] = true
		}
	}
}

func (a *assignment) freePorts() {
	for _, i := range a.order {
		w := &a.workloads[i]
		for j := range w.Ports {
			p := &w.Ports[j]
			if w.Gateway || p.AppPort != 0 {
				continue
			}
			key := fmt.Sprintf("%s/%s/%d", a.mesh.Settings.Network, w.ID(), p.Number)
			p.AppPort = probe(key, appPortFirst, appPortCount, func(n uint32) bool { return a.ports[n] != "" })
			a.ports[p.AppPort] = w.ID()
		}
	}
}

// localPorts gives every port of a service whose protocol is not HTTP one
// that sidecars listen on for it.
func (d *draft) localPorts() {
	taken := map[uint32]bool{}
	for _, w := range d.snap.Workloads {
		for _, p := range w.Ports {
			taken[p.Number] = true
		}
	}
	for i := range d.snap.Services {
		s := d.snap.Services[i]
		for _, p := range s.Ports {
			if p.Protocol.IsHTTP() {
				continue
			}
			local := maps.Clone(s.LocalPorts)
			if local == nil {
				local = map[uint32]uint32{}
			}
			n := probe(fmt.Sprintf("%s/%s/%d", s.Namespace, s.Host, p.Number), localPortFirst, localPortCount, func(n uint32) bool { return taken[n] })
			local[p.Number], taken[n] = n, true
			s.LocalPorts = local
		}
	}
}

// probe gives the first port that is not taken, from where the key points to.
func probe(key string, first, count uint32, taken func(uint32) bool) uint32 {
	start := hash(key)
	for n := range count {
		if port := first + (start%count+n)%count; !taken(port) {
			return port
		}
	}
	return first // thousands of ports are taken: the bind will say so
}

func hash(key string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return h.Sum32()
}

func address(n uint32) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b).String()
}

func item(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }
