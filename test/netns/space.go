package netns

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// space is a network namespace and a mount namespace without a name: when the
// last process and the last file of them end, the kernel removes all that was
// in them, also after a test program that was killed.
type space struct {
	net, mnt *os.File
	work     chan func() // done on the one thread that lives inside
	done     chan struct{}
}

func newSpace() (*space, error) {
	s := &space{work: make(chan func()), done: make(chan struct{})}
	made := make(chan error)
	go s.live(made)
	if err := <-made; err != nil {
		return nil, err
	}
	return s, nil
}

// live is the thread inside. Processes are started from it: the kernel ends
// them when it ends.
func (s *space) live(made chan<- error) {
	runtime.LockOSThread() // never unlocked: the thread ends with this function
	defer close(s.done)
	err := s.enter()
	made <- err
	if err != nil {
		return
	}
	for f := range s.work {
		f()
	}
}

func (s *space) enter() error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	var err error
	if s.net, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	if s.mnt, err = os.Open("/proc/thread-self/ns/mnt"); err != nil {
		return err
	}
	// /sys shows the network of whoever mounted it.
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil && !os.IsPermission(err) {
		return fmt.Errorf("mounting /sys: %w", err)
	}
	return exec.Command("ip", "link", "set", "lo", "up").Run()
}

// on runs f on the thread that lives inside, one at a time.
func (s *space) on(f func() error) error {
	out := make(chan error, 1)
	s.work <- func() { out <- f() }
	return <-out
}

// do runs f on a thread of its own inside: it may take its time.
func (s *space) do(f func() error) error {
	out := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: nobody else gets this thread
		if err := unix.Setns(int(s.net.Fd()), unix.CLONE_NEWNET); err != nil {
			out <- fmt.Errorf("entering a network namespace: %w", err)
			return
		}
		out <- f()
	}()
	return <-out
}

// ip runs commands of iproute2 inside.
func (s *space) ip(commands ...string) error {
	return s.on(func() error {
		for _, c := range commands {
			if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
				return fmt.Errorf("ip %s: %w\n%s", c, err, out)
			}
		}
		return nil
	})
}

// path names the network namespace for iproute2.
func (s *space) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), s.net.Fd()) }

func (s *space) close() {
	close(s.work)
	<-s.done
	s.net.Close()
	s.mnt.Close()
}
