package accesslogreceiver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogdatav3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open starts a receiver on a socket and opens a stream to it.
func open(t *testing.T, next consumer.Logs) (accesslogv3.AccessLogService_StreamAccessLogsClient, func()) {
	t.Helper()
	dir, err := os.MkdirTemp("", "als")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cfg := &Config{Listen: "unix:" + filepath.Join(dir, "s")}
	r, err := NewFactory(testView()).CreateLogs(context.Background(), receivertest.NewNopSettings(Type), cfg, next)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(cfg.Listen, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	stop := func() {
		if err := r.Shutdown(context.Background()); err != nil {
			t.Errorf("stopping: %v", err)
		}
	}
	stream, err := accesslogv3.NewAccessLogServiceClient(conn).StreamAccessLogs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return stream, stop
}

func message(log, path string) *accesslogv3.StreamAccessLogsMessage {
	m := &accesslogv3.StreamAccessLogsMessage{LogEntries: &accesslogv3.StreamAccessLogsMessage_HttpLogs{
		HttpLogs: &accesslogv3.StreamAccessLogsMessage_HTTPAccessLogEntries{LogEntry: []*accesslogdatav3.HTTPAccessLogEntry{{
			Request: &accesslogdatav3.HTTPRequestProperties{Path: path},
		}}},
	}}
	if log != "" {
		m.Identifier = &accesslogv3.StreamAccessLogsMessage_Identifier{LogName: log, Node: &corev3.Node{Id: "default/reviews-v1"}}
	}
	return m
}

func TestOnlyTheFirstMessageNamesTheLog(t *testing.T) {
	sink := &consumertest.LogsSink{}
	stream, stop := open(t, sink)
	defer stop()
	for _, m := range []*accesslogv3.StreamAccessLogsMessage{message("requests", "/1"), message("", "/2")} {
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := stream.CloseAndRecv(); err != nil {
		t.Fatal(err)
	}
	for i, logs := range sink.AllLogs() {
		scope := logs.ResourceLogs().At(0).ScopeLogs().At(0)
		proxy, _ := scope.LogRecords().At(0).Attributes().Get("krater.proxy")
		if scope.Scope().Name() != "requests" || proxy.Str() != "default/reviews-v1" {
			t.Errorf("message %d is of %s %s", i, scope.Scope().Name(), proxy.Str())
		}
	}
	if sink.LogRecordCount() != 2 {
		t.Errorf("%d records", sink.LogRecordCount())
	}
}

func TestAStreamWithoutAnIdentityIsRefused(t *testing.T) {
	stream, stop := open(t, consumertest.NewNop())
	defer stop()
	if err := stream.Send(message("", "/")); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.CloseAndRecv(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("got %v", err)
	}
}

func TestARecordThatCannotBeTakenEndsNoStream(t *testing.T) {
	stream, stop := open(t, consumertest.NewErr(errors.New("no memory")))
	defer stop()
	if err := stream.Send(message("requests", "/")); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.CloseAndRecv(); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestShutdownCutsOpenStreams(t *testing.T) {
	stream, stop := open(t, consumertest.NewNop())
	if err := stream.Send(message("requests", "/")); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := stream.CloseAndRecv(); err == nil {
		t.Error("the stream goes on")
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	for listen, want := range map[string]string{
		"unix:/run/als.sock": "", "127.0.0.1:9001": "", "unix:": "needs a path", "": "neither", "localhost": "neither",
	} {
		err := (&Config{Listen: listen}).Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", listen, err, want)
		}
	}
}
