package authz

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// The initial metadata by which a proxy's ext_authz says what it asks.
const (
	keyPolicies  = "krater-policies"   // "ns/a,ns/b", in the order of evaluation
	keyPolicySet = "krater-policy-set" // version of the slot that asks
	keyWorkload  = "krater-workload"   // "ns/name"
	keyCache     = "krater-cache"      // model.DecisionKey.ID, where answers may be kept
	keyMode      = "krater-mode"       // "shadow": nothing comes of the answer
	keyDenials   = "krater-denials"    // how a denial names its policy: "header", "Text", "JSON"
	keyLog       = "krater-log"        // "inputs": what policies read goes to the log
	keyAttribute = "krater-attribute-" // and a number: "NAME=TYPE:VALUE", one for each declared attribute
)

// question is who asks what, beside the request itself.
type question struct {
	policies   []string
	policySet  string
	workload   string
	cache      string // the ID of the asking cache's inputs; "": it keeps nothing
	namespace  string // of the workload, where a certificate says it
	decisionID string
	declared   []rego.Declared
	shadow     bool
	logged     bool // with what the policies read
	denials    model.Denials
}

func readQuestion(ctx context.Context) question {
	q := question{
		policies:  splitNames(metadata.ValueFromIncomingContext(ctx, keyPolicies)),
		policySet: first(metadata.ValueFromIncomingContext(ctx, keyPolicySet)),
		workload:  first(metadata.ValueFromIncomingContext(ctx, keyWorkload)),
		cache:     first(metadata.ValueFromIncomingContext(ctx, keyCache)),
		shadow:    first(metadata.ValueFromIncomingContext(ctx, keyMode)) == "shadow",
		logged:    first(metadata.ValueFromIncomingContext(ctx, keyLog)) == "inputs",
		denials:   readDenials(first(metadata.ValueFromIncomingContext(ctx, keyDenials))),
	}
	for i := 0; ; i++ {
		text := metadata.ValueFromIncomingContext(ctx, keyAttribute+strconv.Itoa(i))
		if len(text) == 0 {
			break
		}
		if d, ok := rego.ReadDeclared(text[0]); ok {
			q.declared = append(q.declared, d)
		}
	}
	if c, ok := callerOf(ctx); ok {
		q.workload, q.namespace = c.namespace+"/"+c.workload, c.namespace
	}
	return q
}

func splitNames(values []string) []string {
	var names []string
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// newDecisionID is 128 random bits in hex.
func newDecisionID(random io.Reader) (string, error) {
	var id [16]byte
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return "", fmt.Errorf("making a decision id: %w", err)
	}
	return hex.EncodeToString(id[:]), nil
}
