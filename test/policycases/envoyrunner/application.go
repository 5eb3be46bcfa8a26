package envoyrunner

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Seen is a request as it reached the application, byte by byte.
type Seen struct {
	Line    string      // "GET / HTTP/1.1"
	Headers [][2]string // as they came
	Body    string
}

// Header gives a header's values, by its name in lower case.
func (s *Seen) Header(name string) (values []string) {
	for _, h := range s.Headers {
		if strings.ToLower(h[0]) == name {
			values = append(values, h[1])
		}
	}
	return values
}

// application answers 200 to whatever reaches it, and keeps what it was.
type application struct {
	port uint32
	mu   sync.Mutex
	seen map[string]*Seen // by x-request-id
}

func serveApplication(t testing.TB) *application {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &application{port: uint32(l.Addr().(*net.TCPAddr).Port), seen: map[string]*Seen{}}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go a.serve(conn)
		}
	}()
	return a
}

func (a *application) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		seen, err := readSeen(in)
		if err != nil {
			return
		}
		if id := seen.Header("x-request-id"); len(id) > 0 {
			a.mu.Lock()
			a.seen[id[0]] = seen
			a.mu.Unlock()
		}
		length := "content-length: 0\r\n"
		if strings.HasPrefix(seen.Line, "CONNECT ") {
			length = ""
		}
		if _, err := fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nx-app: yes\r\n%s\r\n", length); err != nil {
			return
		}
	}
}

func readSeen(in *bufio.Reader) (*Seen, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	seen := &Seen{Line: strings.TrimRight(line, "\r\n")}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		seen.Headers = append(seen.Headers, [2]string{name, strings.TrimLeft(value, " ")})
	}
	var body []byte
	switch length := seen.Header("content-length"); {
	case len(seen.Header("transfer-encoding")) > 0:
		if body, err = io.ReadAll(httputil.NewChunkedReader(in)); err != nil {
			return nil, err
		}
		for { // trailers, and the empty line behind them
			line, err := in.ReadString('\n')
			if err != nil {
				return nil, err
			}
			if strings.TrimRight(line, "\r\n") == "" {
				break
			}
		}
	case len(length) > 0:
		n, err := strconv.Atoi(length[0])
		if err != nil {
			return nil, err
		}
		body = make([]byte, n)
		if _, err := io.ReadFull(in, body); err != nil {
			return nil, err
		}
	}
	seen.Body = string(body)
	return seen, nil
}

// take gives what a request was, and forgets it; nil: it did not come.
func (a *application) take(id string) *Seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer delete(a.seen, id)
	return a.seen[id]
}
