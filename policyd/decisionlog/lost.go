package decisionlog

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Report makes the drops a metric, by policy.
func (q *Queue) Report() {
	// The API's errors are of names, which are constants.
	_, _ = otel.Meter("krater").Int64ObservableCounter("krater.policyd.decisions.dropped",
		metric.WithDescription("Records of decisions that were lost, by policy"),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			for policy, n := range q.Dropped() {
				o.Observe(int64(n), metric.WithAttributes(attribute.String("krater.decision.policy", policy)))
			}
			return nil
		}))
}
