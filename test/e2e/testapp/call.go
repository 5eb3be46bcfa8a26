package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Called is what came of a call.
type Called struct {
	Status      int    // HTTP's; of a tunnel where it was refused
	Code        string // gRPC's
	Body        string
	Certificate string // the server's common name
	Error       string
}

// call makes one call as any program would: /call?kind=http&to=http://echo:8080/
func call(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	var out Called
	var err error
	q := r.URL.Query()
	switch to := q.Get("to"); q.Get("kind") {
	case "http":
		out, err = callHTTP(ctx, to, q.Get("id"))
	case "grpc":
		out, err = callGRPC(ctx, to, q.Get("id"))
	case "tunnel":
		out, err = callTunnel(ctx, to)
	case "tcp": // the service's name, as its variables have it, and the port's
		out, err = callTCP(ctx, os.Getenv(to+"_SERVICE_HOST"), os.Getenv(to+"_SERVICE_PORT"+q.Get("port")))
	default:
		err = fmt.Errorf("kind %q is not known", q.Get("kind"))
	}
	if err != nil {
		out.Error = err.Error()
	}
	_ = json.NewEncoder(w).Encode(out)
}

// web is Go's default client, but that it believes any certificate.
var web = &http.Client{Transport: &http.Transport{
	Proxy:             http.ProxyFromEnvironment,
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	DisableKeepAlives: true,
}}

func callHTTP(ctx context.Context, to, id string) (Called, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return Called{}, err
	}
	req.Header.Set("x-request-id", id)
	res, err := web.Do(req)
	if err != nil {
		return Called{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	out := Called{Status: res.StatusCode, Body: string(body)}
	if res.TLS != nil {
		out.Certificate = res.TLS.PeerCertificates[0].Subject.CommonName
	}
	return out, err
}

func callGRPC(ctx context.Context, to, id string) (Called, error) {
	conn, err := grpc.NewClient(to, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return Called{}, err
	}
	defer conn.Close()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", id)
	res, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return Called{Code: status.Code(err).String(), Body: res.GetStatus().String()}, err
}

// callTunnel opens a tunnel as TCP clients that know proxies do.
func callTunnel(ctx context.Context, to string) (Called, error) {
	proxy, err := url.Parse(os.Getenv("HTTPS_PROXY"))
	if err != nil {
		return Called{}, err
	}
	c, err := dial(ctx, proxy.Host)
	if err != nil {
		return Called{}, err
	}
	defer c.Close()
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", to, to)
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil || res.StatusCode != http.StatusOK {
		if err == nil {
			return Called{Status: res.StatusCode}, nil
		}
		return Called{}, err
	}
	return talk(c, r)
}

func callTCP(ctx context.Context, host, port string) (Called, error) {
	c, err := dial(ctx, net.JoinHostPort(host, port))
	if err != nil {
		return Called{}, err
	}
	defer c.Close()
	return talk(c, bufio.NewReader(c))
}

func dial(ctx context.Context, to string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
	if err == nil {
		deadline, _ := ctx.Deadline()
		_ = c.SetDeadline(deadline)
	}
	return c, err
}

// talk hears the greeting, says something, and hears it again.
func talk(c net.Conn, r *bufio.Reader) (Called, error) {
	greeting, err := r.ReadString('\n')
	if err != nil {
		return Called{}, fmt.Errorf("hearing the greeting: %w", err)
	}
	fmt.Fprintln(c, "ping")
	answer, err := r.ReadString('\n')
	return Called{Body: greeting + answer}, err
}
