package redirect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Backend is what holds the rules.
type Backend string

const (
	Auto     Backend = "auto" // nftables where there is nft, else iptables
	NFTables Backend = "nftables"
	IPTables Backend = "iptables"
)

// iptablesFamily are the programs of one family.
type iptablesFamily struct {
	v6            bool
	save, restore string
}

var iptablesFamilies = []iptablesFamily{{false, "iptables-save", "iptables-restore"}, {true, "ip6tables-save", "ip6tables-restore"}}

// Choose finds the backend that this machine has.
func Choose(b Backend) (Backend, error) {
	switch b {
	case NFTables, Auto, "":
		if has("nft") {
			return NFTables, nil
		}
		if b == NFTables {
			return "", errors.New("there is no nft: install nftables (Debian: apt-get install nftables), or use --backend iptables")
		}
		if !has("iptables-restore") {
			return "", errors.New("there is neither nft nor iptables: install one of them (Debian: apt-get install nftables)")
		}
		return IPTables, nil
	case IPTables:
		if !has("iptables-restore") {
			return "", errors.New("there is no iptables-restore: install iptables (Debian: apt-get install iptables), or use --backend nftables")
		}
		return IPTables, nil
	}
	return "", fmt.Errorf("the backend %q is not known: use auto, nftables or iptables", b)
}

// Up puts the rules in force, in place of those that an earlier Up made with
// any backend.
func Up(ctx context.Context, c Config, b Backend) error {
	if err := c.Validate(); err != nil {
		return err
	}
	b, err := Choose(b)
	if err != nil {
		return err
	}
	if err := permitted(); err != nil {
		return err
	}
	if hasIPv6() {
		if err := sourceAddress(true); err != nil {
			return fmt.Errorf("giving the loopback interface the address ::6: %w", err)
		}
	}
	if b == NFTables {
		if has("iptables-restore") { // ours of another time; there may be none at all
			_, _ = downIPTables(ctx)
		}
		return run(ctx, c.NFTables(), "nft", "-f", "-")
	}
	for _, f := range iptablesFamilies {
		if f.v6 && !hasIPv6() {
			continue
		}
		saved, err := save(ctx, f)
		if err != nil {
			return err
		}
		if err := run(ctx, c.IPTables(f.v6, saved), f.restore, "--noflush", "--wait", "10"); err != nil {
			return err
		}
	}
	if has("nft") {
		_ = run(ctx, undoNFTables(), "nft", "-f", "-")
	}
	return nil
}

// Down takes away what Up made, with any backend.
func Down(ctx context.Context) error {
	if _, err := Choose(Auto); err != nil {
		return err
	}
	if err := permitted(); err != nil {
		return err
	}
	var failed []error
	found := false
	if has("nft") {
		found = run(ctx, "", "nft", "list", "table", "inet", table) == nil
		failed = append(failed, run(ctx, undoNFTables(), "nft", "-f", "-"))
	}
	if has("iptables-restore") {
		some, err := downIPTables(ctx)
		found, failed = found || some, append(failed, err)
	}
	if found && hasIPv6() { // else somebody else's
		failed = append(failed, sourceAddress(false))
	}
	return errors.Join(failed...)
}

// downIPTables tells whether there was something of ours.
func downIPTables(ctx context.Context) (found bool, err error) {
	for _, f := range iptablesFamilies {
		if f.v6 && !hasIPv6() {
			continue
		}
		saved, err := save(ctx, f)
		if err != nil {
			return found, err
		}
		if text := undoIPTables(saved); text != "" {
			found = true
			if err := run(ctx, text, f.restore, "--noflush", "--wait", "10"); err != nil {
				return found, err
			}
		}
	}
	return found, nil
}

func save(ctx context.Context, f iptablesFamily) (string, error) {
	var out, problem bytes.Buffer
	cmd := exec.CommandContext(ctx, program(f.save), "-t", "nat")
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("reading the rules in force with %s: %w: %s", f.save, err, strings.TrimSpace(problem.String()))
	}
	return out.String(), nil
}

// run gives a program a text to read.
func run(ctx context.Context, text, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, program(name), args...)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("changing the rules with %s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func has(name string) bool { return program(name) != name }

// program finds a program also where root's are, which a PATH may not have;
// the name itself: there is none.
func program(name string) string {
	for _, dir := range append(strings.Split(os.Getenv("PATH"), ":"), "/usr/sbin", "/sbin") {
		if p, err := exec.LookPath(dir + "/" + name); err == nil && dir != "" {
			return p
		}
	}
	return name
}

// capNetAdmin is the bit of the right to change a network's rules.
const capNetAdmin = 12

// permitted tells whether this program may change rules.
func permitted() error {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("redirecting needs Linux: %w", err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			rights, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
			if err == nil && rights&(1<<capNetAdmin) != 0 {
				return nil
			}
		}
	}
	return errors.New("redirecting changes the kernel's rules: run it as root (in a container, with the capabilities NET_ADMIN and NET_RAW)")
}

func hasIPv6() bool {
	_, err := os.Stat("/proc/net/if_inet6")
	return err == nil
}
