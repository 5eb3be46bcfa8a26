// Command bench-echo is the application behind the benchmarks' proxies: it
// answers every request at once with three bytes.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	address := net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT"))
	answer := []byte("ok\n")
	err := http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(answer) // the client went away: nobody is left to tell
	}))
	fmt.Fprintln(os.Stderr, "bench-echo:", err)
	os.Exit(2)
}
