// Command testapp is the application of the end-to-end tests: it serves each
// protocol for which it is given a port ($PORT_HTTP, $PORT_GRPC, $PORT_TLS,
// $PORT_TCP), and calls others when asked to, with nothing but the
// environment that krater gave it.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	fmt.Printf("%s starts with %q\n", os.Getenv("KRATER_WORKLOAD"), os.Args[1:])
	if os.Getenv("CHILD") != "" {
		child := exec.Command("sleep", "600") // what a program leaves behind
		if err := child.Start(); err != nil {
			fail(err)
		}
	}
	ended := make(chan error)
	for variable, serve := range map[string]func(net.Listener) error{
		"PORT_HTTP": serveHTTP, "PORT_GRPC": serveGRPC, "PORT_TLS": serveTLS, "PORT_TCP": serveTCP,
	} {
		port := os.Getenv(variable)
		if port == "" {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(os.Getenv("HOST"), port))
		if err != nil {
			fail(err)
		}
		go func() { ended <- serve(l) }()
	}
	fail(<-ended)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "testapp:", err)
	os.Exit(1)
}

func serveGRPC(l net.Listener) error {
	s := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	return s.Serve(l)
}

func serveHTTP(l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/call", call)
	mux.HandleFunc("/", echo)
	return http.Serve(l, mux)
}
