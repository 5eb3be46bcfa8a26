package controlplane

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func (s stream) reportProxy(t *testing.T, text string) {
	t.Helper()
	body, err := anypb.New(wrapperspb.Bytes([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	req := &discovery.DeltaDiscoveryRequest{TypeUrl: model.TypeProxyReport, ErrorDetail: &rpcstatus.Status{Details: []*anypb.Any{body}}}
	if err := s.Send(req); err != nil {
		t.Fatal(err)
	}
}

// TestReportsOfAProxyBecomeProblems: what an agent says is kept for its own
// proxy, and what is wrong with a filter names the filter.
func TestReportsOfAProxyBecomeProblems(t *testing.T) {
	r := newRig(t, t.TempDir())
	s := r.stream(r.dial(r.credential("shop", "cart", "cart")), "shop/cart", serve.TypeListener)
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	report := model.ProxyReport{At: time.Unix(1, 0), Requests: 7, Filters: []model.FilterReport{
		{Object: "Filter shop/mine", State: model.FilterTakenOut, Reason: "it did not return", Lines: []string{"before", "the last word"}},
		{Object: "Filter shop/gone", State: model.FilterMissing},
	}}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	s.reportProxy(t, string(text))
	s.reportProxy(t, `{"requests":-1}`) // changes nothing, and ends nothing
	status := r.until("it is reported", func(s Status) bool { return proxy(s, "shop/cart").Report != nil })
	got := proxy(status, "shop/cart").Report
	if got.Requests != 7 || time.Since(got.At) > time.Minute {
		t.Errorf("kept %+v", got)
	}
	if proxy(status, "bank/vault").Report != nil {
		t.Error("another's report is shown")
	}
	var found model.Problems
	for _, p := range status.Problems {
		if p.Code == model.CodeFilterLoops || p.Code == model.CodeModuleMissing {
			found = append(found, p)
		}
	}
	if len(found) != 1 || found[0].Object.Name != "mine" || !strings.Contains(found[0].Message, "shop/cart") || !strings.Contains(found[0].Message, "the last word") {
		t.Errorf("problems: %v", found)
	}
	report.Filters[0].State = model.FilterRunning
	text, _ = json.Marshal(report)
	s.reportProxy(t, string(text))
	r.until("it runs again", func(s Status) bool {
		for _, p := range s.Problems {
			if p.Code == model.CodeFilterLoops {
				return false
			}
		}
		return true
	})
}
