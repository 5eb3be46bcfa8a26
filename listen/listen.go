// Package listen opens what a part of Krater listens on: a Unix socket that is
// its user's alone, or a TCP address. It replaces sockets that nobody answers
// on any more, and takes nothing from a process that lives.
package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/krater-mesh/krater/model"
)

// IsUnix tells whether a target is a Unix socket.
func IsUnix(target string) bool { return strings.HasPrefix(target, "unix:") }

// On opens "unix:PATH" or "host:port". A Unix socket is its owner's alone
// (0600); a socket file that nobody answers on is replaced. An address in use
// is a Problem in words.
func On(ctx context.Context, address string) (net.Listener, error) {
	path, unix := strings.CutPrefix(address, "unix:")
	var config net.ListenConfig
	if !unix {
		l, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, inUse(address, err)
		}
		return l, nil
	}
	if err := RemoveStale(ctx, path); err != nil {
		return nil, err
	}
	// The socket is made in a folder that nobody else may enter, so that it
	// never exists with wider permissions than its own where one could connect.
	making, err := os.MkdirTemp(filepath.Dir(path), ".")
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", address, err)
	}
	defer os.RemoveAll(making)
	made := filepath.Join(making, "s")
	l, err := config.Listen(ctx, "unix", made)
	if err != nil {
		return nil, inUse(address, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("opening %s: %w", address, err)
	}
	return &unixListener{Listener: l, path: path}, nil
}

// unixListener takes its socket's file away when it closes.
type unixListener struct {
	net.Listener
	path string
}

var _ net.Listener = (*unixListener)(nil)

// Close implements net.Listener.
func (l *unixListener) Close() error {
	err := l.Listener.Close()
	if gone := os.Remove(l.path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// RemoveStale removes a socket's file that nobody answers on. It is for those
// whose libraries listen by themselves; On does it already.
func RemoveStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", path, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return inUse("unix:"+path, errors.New("a file that is no socket is there"))
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close()
		return inUse("unix:"+path, syscall.EADDRINUSE)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("asking who is on %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("removing the stale socket %s: %w", path, err)
	}
	return nil
}

// AddressError is an address that cannot be listened on.
type AddressError struct {
	Problem model.Problem
	err     error
}

var _ error = (*AddressError)(nil)

// Error is the Problem in one line.
func (e *AddressError) Error() string { return e.Problem.String() }

// Unwrap gives what the system said.
func (e *AddressError) Unwrap() error { return e.err }

func inUse(address string, err error) error {
	return &AddressError{err: err, Problem: model.Problem{
		Code: model.CodePort, Severity: model.Error,
		Message: fmt.Sprintf("cannot listen on %s: %v", address, err),
		Fix:     "end what listens there, or choose another address",
	}}
}
