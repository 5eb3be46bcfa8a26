package decisionlog_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/decisionlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQueueDropsAndCounts(t *testing.T) {
	var got []string
	q := decisionlog.NewQueue(2, func(r decisionlog.Record) { got = append(got, r.DecisionID) })
	for _, id := range []string{"a", "b", "c", "d"} {
		q.Record(decisionlog.Record{Decision: model.Decision{DecisionID: id}})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := q.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if strings.Join(got, "") != "ab" || q.Dropped()[""] != 2 {
		t.Errorf("got %q and %v dropped, wanted the first two and 2", got, q.Dropped())
	}
}

func TestLogIsOffAboveItsLevel(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	record := decisionlog.Record{Decision: model.Decision{Policy: "RegoPolicy a/b", DecisionID: "1f"}}
	decisionlog.Log(logger, slog.LevelDebug)(record)
	if out.Len() != 0 {
		t.Errorf("a debug record was written: %s", &out)
	}
	decisionlog.Log(logger, slog.LevelInfo)(record)
	for _, want := range []string{`krater.decision.policy="RegoPolicy a/b"`, "krater.decision.id=1f"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %s", want, &out)
		}
	}
}
