package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Echo is what the HTTP servers answer: what they saw.
type Echo struct {
	Who, Method, Path, Host, From, Proto, ServerName string
	Args                                             []string
	Headers                                          http.Header
}

// echo waits as long as the header x-sleep says, and answers the status that
// x-answer says; where the program is started with FLAKY, paths that begin
// with /flaky are 503.
func echo(w http.ResponseWriter, r *http.Request) {
	if d, err := time.ParseDuration(r.Header.Get("x-sleep")); err == nil {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		}
	}
	from, _, _ := net.SplitHostPort(r.RemoteAddr)
	e := Echo{
		Who: os.Getenv("KRATER_WORKLOAD"), Method: r.Method, Path: r.RequestURI, Host: r.Host,
		From: from, Proto: r.Proto, Args: os.Args[1:], Headers: r.Header,
	}
	if r.TLS != nil {
		e.ServerName = r.TLS.ServerName
	}
	w.Header().Set("x-who", e.Who)
	switch status, _ := strconv.Atoi(r.Header.Get("x-answer")); {
	case os.Getenv("FLAKY") != "" && len(r.URL.Path) >= 6 && r.URL.Path[:6] == "/flaky":
		w.WriteHeader(http.StatusServiceUnavailable)
	case status != 0:
		w.WriteHeader(status)
	}
	_ = json.NewEncoder(w).Encode(e)
}
