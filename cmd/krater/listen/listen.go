// Package listen opens the sockets of Krater's parts: Unix sockets that only
// their user may use, or TCP addresses that the command line names.
package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

// On listens on "unix:PATH" or "host:port". A socket file that nobody answers
// on any more is replaced.
func On(target string) (net.Listener, error) {
	path, ok := strings.CutPrefix(target, "unix:")
	if !ok {
		l, err := net.Listen("tcp", target)
		if err != nil {
			return nil, fmt.Errorf("listening on %s: %w", target, err)
		}
		return l, nil
	}
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("listening on %s: another process does", target)
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("replacing the socket %s: %w", path, err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", target, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("closing the socket %s to others: %w", path, err)
	}
	return l, nil
}
