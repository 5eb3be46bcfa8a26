package accesslogreceiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/telemetry/mesh"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// format is what the receiver reads, for the collector's own metrics.
const format = "envoy_als"

// logsReceiver serves envoy.service.accesslog.v3.
type logsReceiver struct {
	accesslogv3.UnimplementedAccessLogServiceServer
	config  *Config
	view    *mesh.View
	next    consumer.Logs
	log     *zap.Logger
	reports *receiverhelper.ObsReport
	server  *grpc.Server
	serving sync.WaitGroup
}

var (
	_ receiver.Logs                      = (*logsReceiver)(nil)
	_ accesslogv3.AccessLogServiceServer = (*logsReceiver)(nil)
)

func newReceiver(set receiver.Settings, cfg *Config, view *mesh.View, next consumer.Logs) (*logsReceiver, error) {
	reports, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, Transport: "grpc", ReceiverCreateSettings: set,
	})
	if err != nil {
		return nil, fmt.Errorf("making the access log receiver's own metrics: %w", err)
	}
	return &logsReceiver{config: cfg, view: view, next: next, log: set.Logger, reports: reports}, nil
}

// Start implements component.Component: it listens, then serves.
func (r *logsReceiver) Start(ctx context.Context, host component.Host) error {
	listener, err := listen.On(ctx, r.config.Listen)
	if err != nil {
		return fmt.Errorf("listening for access logs: %w", err)
	}
	r.server = grpc.NewServer(grpc.WaitForHandlers(true))
	accesslogv3.RegisterAccessLogServiceServer(r.server, r)
	r.serving.Go(func() {
		if err := r.server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(fmt.Errorf("serving access logs: %w", err)))
		}
	})
	return nil
}

// Shutdown implements component.Component. The streams never end by
// themselves: they are cut, and a message in hand is finished.
func (r *logsReceiver) Shutdown(context.Context) error {
	if r.server != nil {
		r.server.Stop()
	}
	r.serving.Wait()
	return nil
}

// StreamAccessLogs implements the service. The first message of a stream says
// whose log it is.
func (r *logsReceiver) StreamAccessLogs(stream accesslogv3.AccessLogService_StreamAccessLogsServer) error {
	var from origin
	for {
		m, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return stream.SendAndClose(&accesslogv3.StreamAccessLogsResponse{})
		case err != nil:
			return err
		}
		if id := m.GetIdentifier(); id != nil {
			from = origin{proxy: id.GetNode().GetId(), log: id.GetLogName()}
		}
		if from.log == "" {
			return status.Error(codes.InvalidArgument, "the stream's first message names no log")
		}
		r.consume(stream.Context(), from, m)
	}
}

// consume hands one message's entries on.
func (r *logsReceiver) consume(ctx context.Context, from origin, m *accesslogv3.StreamAccessLogsMessage) {
	logs := convert(from, m, r.view, time.Now())
	count := logs.LogRecordCount()
	if count == 0 {
		return
	}
	ctx = r.reports.StartLogsOp(ctx)
	err := r.next.ConsumeLogs(ctx, logs)
	r.reports.EndLogsOp(ctx, format, count, err)
	if err != nil {
		r.log.Warn("dropped access log records", zap.Int("records", count), zap.String("proxy", from.proxy), zap.Error(err))
	}
}
