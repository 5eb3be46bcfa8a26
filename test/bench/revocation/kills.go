package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/krater-mesh/krater/test/bench/mesh"
)

// killEvery is how long policyd may live.
const killEvery = time.Second

// killed is what requests of one placement saw while policyd was killed.
type killed struct {
	name     string
	answers  map[int]int   // by status; 0: none
	longest  time.Duration // without a 200
	slowest  time.Duration // one answer
	requests int
}

// measureKills sends requests to all placements while policyd is killed, which
// krater starts again at once.
func measureKills(ctx context.Context, o options, m *mesh.Mesh, r *report) error {
	var list []*killed
	var callers []*caller
	for _, p := range placements {
		if _, err := m.Write(p.name+".yaml", policy(p.name, p.spec, `{"users": {"odd": {"role": "admin"}}}`)); err != nil {
			return err
		}
		c := newCaller(m, p.hosts[0])
		defer c.close()
		if _, err := c.until(ctx, http.StatusOK); err != nil {
			return err
		}
		list, callers = append(list, &killed{name: p.name, answers: map[int]int{}}), append(callers, c)
	}
	if err := sleep(ctx, editRest); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, o.kills)
	defer cancel()
	var all sync.WaitGroup
	for i, k := range list {
		all.Go(func() { k.load(limited, callers[i]) })
	}
	for sleep(limited, killEvery) == nil {
		if pid, err := pidOf(m, "policyd"); err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
			r.kills++
		}
	}
	all.Wait()
	for _, k := range list {
		r.killed = append(r.killed, *k)
		progress("policyd killed %d times, %s: %d requests, by status %v", r.kills, k.name, k.requests, k.answers)
	}
	_, err := callers[len(callers)-1].until(ctx, http.StatusOK)
	return err
}

// load asks until ctx ends, one request after the other.
func (k *killed) load(ctx context.Context, c *caller) {
	good := time.Now()
	for ctx.Err() == nil {
		began := time.Now()
		status, err := c.ask(context.WithoutCancel(ctx))
		if err != nil {
			status = 0
		}
		k.requests++
		k.answers[status]++
		k.slowest = max(k.slowest, time.Since(began))
		if status == http.StatusOK {
			k.longest, good = max(k.longest, time.Since(good)), time.Now()
		}
		time.Sleep(pollEvery)
	}
	k.longest = max(k.longest, time.Since(good))
}

func pidOf(m *mesh.Mesh, name string) (int, error) {
	list, err := m.Processes()
	if err != nil {
		return 0, err
	}
	for _, p := range list {
		if p.Name == name {
			return p.PID, nil
		}
	}
	return 0, fmt.Errorf("no process %s runs", name)
}
