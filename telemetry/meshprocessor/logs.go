package meshprocessor

import (
	"context"
	"strings"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/mesh"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// attributePrefix begins the names of declared attributes.
const attributePrefix = "krater.attribute."

// logs keeps the records that one backend is to see: the standard request log
// and those of the rules that name it.
type logs struct {
	view    *mesh.View
	backend string
	opa     bool // it takes decisions, as OPA has them, and nothing else
}

func (l *logs) process(_ context.Context, ld plog.Logs) (plog.Logs, error) {
	l.decisions(ld)
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			if !l.wanted(sl.Scope().Name()) {
				return true
			}
			for _, r := range sl.LogRecords().All() {
				redact(r.Attributes(), l.view, text(r.Attributes(), "krater.proxy"))
			}
			return sl.LogRecords().Len() == 0
		})
		return rl.ScopeLogs().Len() == 0
	})
	if ld.ResourceLogs().Len() == 0 {
		return ld, processorhelper.ErrSkipProcessingData
	}
	return ld, nil
}

// wanted tells whether a log, "requests" or "rule/NAMESPACE/RULE/LOG", goes
// to the backend. A log of any other source does.
func (l *logs) wanted(log string) bool {
	if strings.HasPrefix(log, model.ScopeDecisions+"/") { // made for this backend
		return true
	}
	if l.opa {
		return false
	}
	parts := strings.SplitN(log, "/", 4)
	if len(parts) != 4 || parts[0] != "rule" {
		return true
	}
	return l.view.Sends(parts[1]+"/"+parts[2], l.backend)
}

// redact removes the declared attributes that must not leave the proxy.
func redact(attributes pcommon.Map, view *mesh.View, proxy string) {
	attributes.RemoveIf(func(name string, _ pcommon.Value) bool {
		attribute, ok := strings.CutPrefix(name, attributePrefix)
		return ok && view.Redacted(attribute, proxy)
	})
}
