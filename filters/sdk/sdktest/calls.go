package sdktest

import (
	"errors"

	"github.com/krater-mesh/krater/filters/sdk"
)

// call is one that is out.
type call struct {
	over     *bool // of its stream; nil: it has none
	canceled bool
	deliver  func()
}

// Deliver answers every call that is out, and those that their callbacks make,
// and counts the callbacks that ran.
func (h *Host) Deliver() (ran int) {
	for len(h.out) > 0 {
		c := h.out[0]
		h.out = h.out[1:]
		if !c.canceled && (c.over == nil || !*c.over) {
			c.deliver()
			ran++
		}
	}
	return ran
}

// Calls counts those that are out.
func (h *Host) Calls() int { return len(h.out) }

// HTTP implements sdk.Caller.
func (h *Host) HTTP(c sdk.HTTPCall, done func(sdk.HTTPAnswer)) error { return h.http(c, nil, done) }

// GRPC implements sdk.Caller.
func (h *Host) GRPC(c sdk.GRPCCall, done func(sdk.GRPCAnswer)) (func(), error) {
	return h.grpc(c, nil, done)
}

func (h *Host) http(c sdk.HTTPCall, over *bool, done func(sdk.HTTPAnswer)) error {
	if h.AnswerHTTP == nil {
		return errors.New("calling " + c.Cluster + ": the proxy has no such cluster")
	}
	h.out = append(h.out, &call{over: over, deliver: func() { done(whole(h.AnswerHTTP(c))) }})
	return nil
}

// whole fills in what a test left out of an answer.
func whole(a sdk.HTTPAnswer) sdk.HTTPAnswer {
	if a.Headers == nil {
		a.Headers = sdk.NewHeaderList()
	}
	if a.Trailers == nil {
		a.Trailers = sdk.NewHeaderList()
	}
	if a.Body == nil {
		a.Body = sdk.NewBuffer("")
	}
	return a
}

func (h *Host) grpc(c sdk.GRPCCall, over *bool, done func(sdk.GRPCAnswer)) (func(), error) {
	if h.AnswerGRPC == nil {
		return func() {}, errors.New("calling " + c.Cluster + ": the proxy has no such cluster")
	}
	out := &call{over: over, deliver: func() { done(h.AnswerGRPC(c)) }}
	h.out = append(h.out, out)
	return func() { out.canceled = true }, nil
}
