package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// inner tells a test program that it is already inside a user namespace.
const inner = "KRATER_NETNS_INNER"

// Main is a TestMain for tests that make hosts. Root needs nothing; others
// run again inside a user namespace that has a range of user ids. A machine
// where neither works fails and says why: a test that passes by being skipped
// shows nothing.
func Main(m *testing.M) int {
	if err := needs("ip", "nft", "iptables", "ip6tables"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if os.Geteuid() == 0 {
		if err := possible(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}
	if os.Getenv(inner) != "" {
		fmt.Fprintln(os.Stderr, "netns: unshare gave a user namespace without a root user")
		return 1
	}
	return again()
}

// again runs the test program as root of a user namespace.
func again() int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintf(os.Stderr, "netns: finding the test program: %v\n", err)
		return 1
	}
	args := append([]string{"--user", "--map-root-user", "--map-auto", "--net", "--mount", self}, os.Args[1:]...)
	cmd := exec.Command("unshare", args...)
	cmd.Env = append(os.Environ(), inner+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var failed *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &failed):
		fmt.Fprintln(os.Stderr, "netns: these tests need root, or user namespaces with a range of user ids (Debian: the package uidmap, and a line for you in /etc/subuid and /etc/subgid)")
		return failed.ExitCode()
	}
	fmt.Fprintf(os.Stderr, "netns: running unshare: %v (Debian: the package util-linux)\n", err)
	return 1
}

// needs looks for programs, also where Debian keeps those of root.
func needs(programs ...string) error {
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil {
		return fmt.Errorf("netns: setting the PATH: %w", err)
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return fmt.Errorf("netns: %w; run `make netns` (Debian: the packages iproute2, nftables and iptables)", err)
		}
	}
	return nil
}

// possible tells why this machine makes no network namespaces; nil: it does.
func possible() error {
	s, err := newSpace()
	if err != nil {
		return fmt.Errorf("netns: this machine makes no network namespaces, also not for root: %w (in a container, give it CAP_SYS_ADMIN and CAP_NET_ADMIN)", err)
	}
	s.close()
	return nil
}
