package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/krater-mesh/krater/model"
)

// StatusError is an answer to an HTTP probe that is not a good one.
type StatusError struct{ Code int }

// Error implements error.
func (e *StatusError) Error() string { return fmt.Sprintf("it answers %d", e.Code) }

// Ask asks once. nil is a good answer, within the probe's timeout.
func Ask(ctx context.Context, p *model.Probe) error {
	timeout := p.Timeout.Std()
	if timeout <= 0 {
		timeout = time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %s", timeout))
	defer cancel()
	err := ask(ctx, p)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func ask(ctx context.Context, p *model.Probe) error {
	switch {
	case p.HTTP != nil:
		return askHTTP(ctx, p.HTTP)
	case p.TCP != nil:
		return askTCP(ctx, p.TCP)
	case p.GRPC != nil:
		return askGRPC(ctx, p.GRPC)
	case len(p.Exec) > 0:
		return askExec(ctx, p.Exec)
	}
	return errors.New("the probe asks nothing")
}

// target is the workload itself unless a host is named.
func target(host string, port uint32) string {
	if host == "" {
		host = "localhost"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(int(port)))
}

func askHTTP(ctx context.Context, h *model.ProbeHTTP) error {
	scheme := "http"
	if h.HTTPS {
		scheme = "https"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+target(h.Host, h.Port)+h.Path, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", h.Path, err)
	}
	req.Header.Set("User-Agent", "krater-probe")
	for i, header := range h.Headers {
		switch {
		case http.CanonicalHeaderKey(header.Name) == "Host":
			req.Host = header.Value
		case first(h.Headers[:i], header.Name):
			req.Header.Set(header.Name, header.Value)
		default:
			req.Header.Add(header.Name, header.Value)
		}
	}
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true, // a new connection is part of the question
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // as Kubernetes' probes: it asks whether, not who
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return short(err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 10<<10)
	if resp.StatusCode < 200 || resp.StatusCode >= 400 {
		return &StatusError{resp.StatusCode}
	}
	return nil
}

// first tells whether no header before has the name.
func first(before []model.ProbeHeader, name string) bool {
	for _, b := range before {
		if strings.EqualFold(b.Name, name) {
			return false
		}
	}
	return true
}

func askTCP(ctx context.Context, t *model.ProbeTCP) error {
	conn, err := dial(ctx, "tcp", target(t.Host, t.Port))
	if err != nil {
		return short(err)
	}
	return conn.Close()
}

func askGRPC(ctx context.Context, g *model.ProbeGRPC) error {
	conn, err := grpc.NewClient("passthrough:///"+target("", g.Port), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(), grpc.WithUserAgent("krater-probe"))
	if err != nil {
		return fmt.Errorf("asking gRPC's health service: %w", err)
	}
	defer conn.Close()
	answer, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{Service: g.Service})
	if err != nil {
		return fmt.Errorf("asking gRPC's health service: %w", err)
	}
	if answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		return fmt.Errorf("gRPC's health service says %s", answer.GetStatus())
	}
	return nil
}

// askExec tells no output of the command: it might hold what is nobody else's.
func askExec(ctx context.Context, command []string) error {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 100 * time.Millisecond
	if err := c.Run(); err != nil {
		return fmt.Errorf("running %s: %w", command[0], err)
	}
	return nil
}

// short leaves the URL and the addresses out of a network error.
func short(err error) error {
	var refused *net.OpError
	if errors.As(err, &refused) && refused.Err != nil {
		return fmt.Errorf("%s: %w", refused.Op, refused.Err)
	}
	return err
}
