package crds

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

// peerHeader is where a caller's proxy tells what no certificate says.
const peerHeader = "x-krater-peer"

// toldOnly tells the attributes of a caller that only it itself tells.
func toldOnly(attribute string) bool {
	return attribute == "source.version" || attribute == "source.labels" || strings.HasPrefix(attribute, "source.labels[")
}

// unverified refuses what would decide by a caller's own word.
func (r *report) unverified(field, what string) {
	r.add(model.Error, model.CodeUnverified, field, "use source.principal, source.namespace or source.serviceAccount, which its certificate proves",
		"a caller can say of %s what it likes: it serves telemetry only", what)
}
