package envoy_test

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	accesslogdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// connectionPolicy is for connections from addresses that end so.
func connectionPolicy(name string, action model.Action, provider string, dry bool, ends ...string) *model.AuthorizationPolicy {
	var blocks []string
	for _, end := range ends {
		blocks = append(blocks, "127.0.0."+end+"/32")
	}
	return &model.AuthorizationPolicy{Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "default", Name: name},
		Selector: model.Selector{Namespace: "default"}, Action: action, Provider: provider, DryRun: dry,
		Rules: []model.AuthorizationRule{{From: []model.Source{{IPBlocks: blocks}}}}}
}

// TestPoliciesOnConnections has each action, enforced and as a dry run, decide
// about connections of a real Envoy, and tell by which rule.
func TestPoliciesOnConnections(t *testing.T) {
	a, questions, govern := customWorld(t)
	port := a.freeAppPort()
	serveTCP(t, fmt.Sprintf("127.0.0.1:%d", port), func(c net.Conn) {
		if line, err := bufio.NewReader(c).ReadString('\n'); err == nil {
			fmt.Fprint(c, "heard "+line)
		}
	})
	page := &a.snap.Workloads[0]
	page.Ports = []model.WorkloadPort{{Number: 9083, AppPort: uint32(port), Name: "tcp", Protocol: model.TCP}}
	govern(
		connectionPolicy("allow", model.Allow, "", false, "8", "9", "18", "19", "20", "21", "22", "23"), connectionPolicy("allow-dry", model.Allow, "", true, "25"),
		connectionPolicy("audit", model.Audit, "", false, "20"), connectionPolicy("audit-dry", model.Audit, "", true, "21"),
		connectionPolicy("custom", model.Custom, "g", false, "8", "9"), connectionPolicy("custom-away", model.Custom, "away", true, "19"),
		connectionPolicy("custom-lost", model.Custom, "away", false, "10"), connectionPolicy("custom-unknown", model.Custom, "unknown", false, "11"),
		connectionPolicy("custom-dry", model.Custom, "g", true, "18", "19"),
		connectionPolicy("deny", model.Deny, "", false, "23"), connectionPolicy("deny-dry", model.Deny, "", true, "22"),
	)
	rule := func(policy string) string { return "AuthorizationPolicy/default/" + policy + "/rule[0]" }
	const dry, id, details = "istio_dry_run_", "_shadow_effective_policy_id", "rbac_access_denied_matched_policy["
	for end, want := range map[string]struct {
		details string // why it was ended
		refused bool   // without a word: who asks, says none
		asked   []string
		left    map[string]string
	}{
		"8":  {asked: []string{"g 127.0.0.8"}, left: map[string]string{"custom_g" + id: rule("custom"), "allow" + id: rule("allow")}},
		"9":  {refused: true, asked: []string{"g 127.0.0.9"}, left: map[string]string{"custom_g" + id: rule("custom")}},
		"10": {refused: true, left: map[string]string{"custom_away" + id: rule("custom-lost")}},
		"11": {details: details + rule("custom-unknown") + "]"},
		"18": {asked: []string{"g 127.0.0.18"}, left: map[string]string{dry + "custom_g" + id: rule("custom-dry"), dry + "said_custom_g" + id: model.DryRunAllowed}},
		"19": {asked: []string{"g 127.0.0.19"}, left: map[string]string{dry + "custom_g" + id: rule("custom-dry"), dry + "said_custom_g" + id: model.DryRunDenied,
			dry + "custom_away" + id: rule("custom-away"), dry + "said_custom_away" + id: model.DryRunRefused}},
		"20": {left: map[string]string{"audit" + id: rule("audit"), "allow" + id: rule("allow")}},
		"21": {left: map[string]string{dry + "audit" + id: rule("audit-dry"), "audit" + id: ""}},
		"22": {left: map[string]string{dry + "deny" + id: rule("deny-dry"), dry + "deny_shadow_engine_result": "denied"}},
		"23": {details: details + rule("deny") + "]"},
		"24": {details: details + "none]"},
		"25": {details: details + "none]", left: map[string]string{dry + "allow" + id: rule("allow-dry"), dry + "allow_shadow_engine_result": "allowed"}},
	} {
		questions.take()
		heard, entry := a.connection(t, "127.0.0."+end)
		if got := entry.GetCommonProperties().GetConnectionTerminationDetails(); got != want.details || (heard == "heard me, who am not TLS\n") == (want.refused || want.details != "") {
			t.Errorf("from %s: %q, ended by %q; want %q", end, heard, got, want.details)
		}
		if byProvider := entry.GetCommonProperties().GetResponseFlags().GetUnauthorizedDetails() != nil; byProvider != want.refused {
			t.Errorf("from %s: refused by a provider: %v", end, byProvider)
		}
		if end == "18" && entry.GetCommonProperties().GetMetadata().GetFilterMetadata()["envoy.filters.network.ext_authz"].GetFields()["krater"] != nil {
			t.Errorf("from %s: what a provider says in shadow is metadata", end)
		}
		if asked := questions.take(); !slices.Equal(asked, want.asked) {
			t.Errorf("from %s: asked %q, want %q", end, asked, want.asked)
		}
		fields := entry.GetCommonProperties().GetMetadata().GetFilterMetadata()["envoy.filters.network.rbac"].GetFields()
		for key, value := range want.left {
			if got := fields[key].GetStringValue(); got != value {
				t.Errorf("from %s: %s is %q, want %q", end, key, got, value)
			}
		}
	}
}

// connection says one line from an address, and gives what is answered, and
// the connection's record.
func (a *agreement) connection(t *testing.T, from string) (heard string, entry *accesslogdata.TCPAccessLogEntry) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	c, err := dialer.Dial("tcp", a.wires.to+":9083")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintln(c, "me, who am not TLS")
	heard, _ = bufio.NewReader(c).ReadString('\n')
	_ = c.Close()
	port := uint32(c.LocalAddr().(*net.TCPAddr).Port)
	harness.Until(t, 20*time.Second, "the record of the connection from "+from, func() error {
		a.log.mu.Lock()
		defer a.log.mu.Unlock()
		for _, e := range a.log.connections {
			if s := e.GetCommonProperties().GetDownstreamRemoteAddress().GetSocketAddress(); s.GetAddress() == from && s.GetPortValue() == port {
				entry = e
				return nil
			}
		}
		return fmt.Errorf("%d records", len(a.log.connections))
	})
	return heard, entry
}

// aboutConnection answers what is asked about one: not from an address that
// ends in 9.
func (a *providerAsked) aboutConnection(address string) (allowed bool) {
	a.note("g", address, func(string) string { return "" })
	return !strings.HasSuffix(address, "9")
}
