// Package registrar declares the workloads that come by themselves: a member
// of a WorkloadGroup that connects becomes a WorkloadEntry in a file, which is
// configuration like any other. It goes a while after its workload went.
package registrar

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// DefaultGrace is how long a workload stays declared when its agent went: an
// agent that connects again, also to a control plane that was started again,
// is back before that.
const DefaultGrace = 10 * time.Second

// maxMembers bounds what the holders of groups' tokens can have declared.
const maxMembers = 10_000

// Options of a Registrar.
type Options struct {
	Dir   string // a folder of its own, which is read as configuration
	Grace time.Duration
	// Removed is told of each workload that is registered no more; nil: nobody.
	Removed func(namespace, name string)
	Logger  *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// Registrar keeps the files. Many goroutines may use it.
type Registrar struct {
	o Options

	mu      sync.Mutex
	closed  bool
	members map[string]*member // by "namespace/name"
}

// member is a workload that registered itself.
type member struct {
	id, file     string
	group        model.Ref
	registration crds.Registration
	streams      int
	leaving      *time.Timer // nil: it does not
	written      string
	reports      reports
	later        *time.Timer // nil: what is known is written
}

// Open reads who was registered. Those have the grace to come back from now on.
func Open(o Options) (*Registrar, error) {
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Removed == nil {
		o.Removed = func(string, string) {}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of registered workloads: %w", err)
	}
	r := &Registrar{o: o, members: map[string]*member{}}
	files, err := filepath.Glob(filepath.Join(o.Dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading the registered workloads: %w", err)
	}
	for _, file := range files {
		if err := r.read(file); err != nil {
			o.Logger.Warn("a file among the registered workloads is left alone", "file", file, "reason", err)
		}
	}
	return r, nil
}

// read takes in what an earlier run wrote.
func (r *Registrar) read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	registration, group, err := crds.ReadRegistration(text)
	if err != nil {
		return err
	}
	address, err := netip.ParseAddr(registration.Address)
	if err != nil {
		return err
	}
	m := r.newMember(group, address)
	if m.file != file {
		return fmt.Errorf("the workload %s belongs into %s", m.id, m.file)
	}
	m.registration, m.written = registration, string(text)
	r.members[m.id] = m
	return nil
}

func (r *Registrar) newMember(group model.Ref, address netip.Addr) *member {
	name := model.MemberName(group.Name, address)
	return &member{
		id: group.Namespace + "/" + name, group: group, file: filepath.Join(r.o.Dir, group.Namespace+"."+name+".yaml"),
		registration: crds.Registration{Address: address.String()},
	}
}

// Start begins the grace of those who were registered before. It is called
// when agents can connect.
func (r *Registrar) Start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		if m.streams == 0 {
			r.letGo(m)
		}
	}
}

// Close leaves everybody registered, for the next run.
func (r *Registrar) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, m := range r.members {
		m.stay()
		if m.later != nil {
			m.later.Stop()
		}
	}
}

// Join registers a group's member at an address while it is connected. What it
// returns is called when it is not any more.
func (r *Registrar) Join(group *model.WorkloadGroup, address netip.Addr) (left func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.newMember(group.Object, address)
	if known, ok := r.members[m.id]; ok {
		m = known
	} else if len(r.members) >= maxMembers {
		return nil, fmt.Errorf("%d workloads registered themselves, more are not taken", len(r.members))
	}
	before := m.registration
	m.registration.Group, m.registration.Disconnected = group, time.Time{}
	if m.streams == 0 {
		m.registration.Connected = r.o.Now()
	}
	if err := m.write(); err != nil {
		m.registration = before
		return nil, err
	}
	m.stay()
	m.streams++
	r.members[m.id] = m
	return sync.OnceFunc(func() { r.left(m) }), nil
}

func (r *Registrar) left(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.streams--; m.streams > 0 || r.closed || r.members[m.id] != m {
		return
	}
	m.registration.Disconnected = r.o.Now()
	if err := m.write(); err != nil {
		r.o.Logger.Error("a registered workload's file is not written", "workload", m.id, "reason", err)
	}
	r.letGo(m)
}

// letGo begins a member's grace. It needs r.mu.
func (r *Registrar) letGo(m *member) {
	if r.closed || m.leaving != nil {
		return
	}
	m.leaving = time.AfterFunc(r.o.Grace, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if m.streams == 0 && !r.closed && m.leaving != nil {
			r.remove(m, "its agent is gone")
		}
	})
}

// stay ends a member's grace.
func (m *member) stay() {
	if m.leaving != nil {
		m.leaving.Stop()
		m.leaving = nil
	}
}

// remove forgets a member. It needs r.mu.
func (r *Registrar) remove(m *member, why string) {
	m.stay()
	if m.later != nil {
		m.later.Stop()
	}
	delete(r.members, m.id)
	r.o.Removed(m.group.Namespace, strings.TrimPrefix(m.id, m.group.Namespace+"/"))
	if err := os.Remove(m.file); err != nil && !os.IsNotExist(err) {
		r.o.Logger.Error("a registered workload cannot be removed", "workload", m.id, "reason", err)
		return
	}
	r.o.Logger.Info("a registered workload is removed", "workload", m.id, "reason", why)
}

// write writes a member's file, if that would change it. It is made under
// another name, which nobody reads, and replaced whole.
func (m *member) write() error {
	text, err := m.registration.WorkloadEntry()
	if err != nil {
		return err
	}
	if string(text) == m.written {
		return nil
	}
	making := filepath.Join(filepath.Dir(m.file), "."+strings.TrimSuffix(filepath.Base(m.file), ".yaml")+".making")
	if err := os.WriteFile(making, text, 0o600); err != nil {
		return fmt.Errorf("registering %s: %w", m.id, err)
	}
	if err := os.Rename(making, m.file); err != nil {
		return fmt.Errorf("registering %s: %w", m.id, err)
	}
	m.written = string(text)
	return nil
}
