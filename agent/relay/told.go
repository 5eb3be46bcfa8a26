package relay

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/disk"
	"github.com/krater-mesh/krater/model"
)

// told is something that the control plane tells the agent itself, as the JSON
// of a model type. Envoy never sees it, its absence keeps nobody waiting, and
// the newest is kept on disk, beside what Envoy took.
type told[T any] struct {
	what          string // for messages
	typeURL, name string // of the one resource
	dir, file     string
	after         func(before, now T) T // what to make of it; nil: it is as it came
	log           *slog.Logger

	mu      sync.Mutex
	value   T
	known   bool
	changed chan struct{} // closed at the next change
}

// load reads what an earlier run kept. What cannot be read comes anew.
func (o *told[T]) load(dir string, log *slog.Logger) *told[T] {
	o.dir, o.log, o.changed = dir, log, make(chan struct{})
	if text, err := os.ReadFile(filepath.Join(dir, o.file)); err == nil {
		o.known = json.Unmarshal(text, &o.value) == nil
	}
	return o
}

// newest is the one that came last, now or in an earlier run; ok is false
// before the first. changed is closed when there is another.
func (o *told[T]) newest() (value T, ok bool, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.value, o.known, o.changed
}

func (o *told[T]) ask() *discoveryv3.DeltaDiscoveryRequest {
	return &discoveryv3.DeltaDiscoveryRequest{TypeUrl: o.typeURL, ResourceNamesSubscribe: []string{o.name}}
}

// take takes a response in, and gives the answer to it.
func (o *told[T]) take(res *discoveryv3.DeltaDiscoveryResponse) *discoveryv3.DeltaDiscoveryRequest {
	answer := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: res.GetTypeUrl(), ResponseNonce: res.GetNonce()}
	for _, resource := range res.GetResources() {
		if resource.GetName() != o.name {
			continue
		}
		value, err := o.read(resource)
		if err != nil {
			o.log.Warn(o.what+" are refused; the last good ones stay", "reason", err)
			answer.ErrorDetail = &rpcstatus.Status{Code: int32(codes.InvalidArgument), Message: err.Error()}
			continue
		}
		o.set(value)
	}
	return answer
}

func (o *told[T]) read(resource *discoveryv3.Resource) (value T, err error) {
	body := &wrapperspb.BytesValue{}
	if err := resource.GetResource().UnmarshalTo(body); err != nil {
		return value, fmt.Errorf("decoding %s: %w", o.what, err)
	}
	if err := json.Unmarshal(body.GetValue(), &value); err != nil {
		return value, fmt.Errorf("decoding %s: %w", o.what, err)
	}
	return value, nil
}

func (o *told[T]) set(value T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.after != nil {
		value = o.after(o.value, value)
	}
	text, err := json.Marshal(value)
	if err != nil {
		o.log.Error(o.what+" cannot be kept", "reason", err)
		return
	}
	if !o.known || model.Hash(value) != model.Hash(o.value) {
		o.value, o.known = value, true
		close(o.changed)
		o.changed = make(chan struct{})
	}
	if err := disk.Write(filepath.Join(o.dir, o.file), text); err != nil {
		o.log.Error(o.what+" could not be kept", "folder", o.dir, "reason", err)
	}
}
