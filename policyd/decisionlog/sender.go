package decisionlog

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	logsv1 "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	otlpv1 "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcev1 "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/krater-mesh/krater/model"
)

// The bounds of what waits to be sent.
const (
	maxWaiting = 8192     // records
	maxBytes   = 32 << 20 // that their inputs hold, roughly
	batchSize  = 256
	batchWait  = 200 * time.Millisecond
	sendTime   = 5 * time.Second
	attempts   = 3
)

// Sender hands the records that are asked for to a collector, over OTLP. What
// it cannot hand over in time is dropped, and counted by policy.
type Sender struct {
	client  logsv1.LogsServiceClient
	conn    *grpc.ClientConn
	records chan Record
	bytes   atomic.Int64
	lost    *Queue // counts
	log     *slog.Logger
}

var _ Recorder = (*Sender)(nil)

// NewSender sends to a collector of this machine: "unix:PATH". lost counts
// what is dropped.
func NewSender(target string, lost *Queue, log *slog.Logger) (*Sender, error) {
	if path, ok := strings.CutPrefix(target, "unix:"); ok && !strings.HasPrefix(path, "//") {
		target = "unix://" + path
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("reaching the collector at %s: %w", target, err)
	}
	return &Sender{client: logsv1.NewLogsServiceClient(conn), conn: conn, records: make(chan Record, maxWaiting), lost: lost, log: log}, nil
}

// Record implements Recorder.
func (s *Sender) Record(r Record) {
	if !r.Logged {
		return
	}
	if s.bytes.Add(int64(r.Size)) > maxBytes {
		s.bytes.Add(-int64(r.Size))
		s.lost.Drop(r.Policy, 1)
		return
	}
	select {
	case s.records <- r:
	default:
		s.bytes.Add(-int64(r.Size))
		s.lost.Drop(r.Policy, 1)
	}
}

// Run sends until ctx is done, and then what still waits, for a moment.
func (s *Sender) Run(ctx context.Context) error {
	defer s.conn.Close()
	for {
		batch, more := s.batch(ctx)
		if len(batch) > 0 {
			s.send(ctx, batch)
		}
		if !more {
			return nil
		}
	}
}

// batch waits for a record, and a moment for more of them.
func (s *Sender) batch(ctx context.Context) (out []Record, more bool) {
	select {
	case r := <-s.records:
		out = append(out, r)
	case <-ctx.Done():
		for len(s.records) > 0 && len(out) < batchSize {
			out = append(out, <-s.records)
		}
		return out, len(s.records) > 0
	}
	wait := time.NewTimer(batchWait)
	defer wait.Stop()
	for len(out) < batchSize {
		select {
		case r := <-s.records:
			out = append(out, r)
		case <-wait.C:
			return out, true
		case <-ctx.Done():
			return out, true
		}
	}
	return out, true
}

// send hands a batch over, again where that fails: a collector may restart.
func (s *Sender) send(ctx context.Context, batch []Record) {
	request := s.request(batch)
	for _, r := range batch {
		s.bytes.Add(-int64(r.Size))
	}
	var err error
	for try := range attempts {
		if try > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(try) * time.Second):
			}
		}
		one, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
		_, err = s.client.Export(one, request)
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			break
		}
	}
	s.log.Warn("decisions could not be handed to the collector", "decisions", len(batch), "reason", err)
	for _, r := range batch {
		s.lost.Drop(r.Policy, 1)
	}
}

// request holds each record's event as its body.
func (s *Sender) request(batch []Record) *logsv1.ExportLogsServiceRequest {
	scope := &otlpv1.ScopeLogs{Scope: &commonv1.InstrumentationScope{Name: model.ScopeDecisions}}
	for _, r := range batch {
		body, err := json.Marshal(r.Event())
		if err != nil { // values of JSON
			s.lost.Drop(r.Policy, 1)
			continue
		}
		scope.LogRecords = append(scope.LogRecords, &otlpv1.LogRecord{
			TimeUnixNano: uint64(r.Time.UnixNano()),
			Body:         &commonv1.AnyValue{Value: &commonv1.AnyValue_StringValue{StringValue: string(body)}},
		})
	}
	name := &commonv1.KeyValue{Key: "service.name", Value: &commonv1.AnyValue{Value: &commonv1.AnyValue_StringValue{StringValue: "krater-policyd"}}}
	return &logsv1.ExportLogsServiceRequest{ResourceLogs: []*otlpv1.ResourceLogs{{
		Resource: &resourcev1.Resource{Attributes: []*commonv1.KeyValue{name}}, ScopeLogs: []*otlpv1.ScopeLogs{scope},
	}}}
}

// All hands each record to several.
type All []Recorder

// Record implements Recorder.
func (a All) Record(r Record) {
	for _, one := range a {
		one.Record(r)
	}
}
