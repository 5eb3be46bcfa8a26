package translate

import (
	"fmt"
	"testing"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
)

// TestTreesGrowWithTheirRules: four times the claims are not sixteen times the
// matcher.
func TestTreesGrowWithTheirRules(t *testing.T) {
	size := func(n int) int {
		role := model.ProxyInput{Kind: model.InputClaim, Path: []string{"role"}}
		path := model.ProxyInput{Kind: model.InputHeader, Name: ":path"}
		test := func(in model.ProxyInput, value string) model.Predicate {
			return model.Predicate{Op: model.OpTest, Test: &model.Test{Input: in, How: model.TestIn, Values: []string{value}}}
		}
		grants := model.Predicate{Op: model.OpAny}
		for i := range n {
			grants.Of = append(grants.Of, model.Predicate{Op: model.OpAll, Of: []model.Predicate{
				test(role, fmt.Sprintf("role-%d", i)), test(path, fmt.Sprintf("/%d", i))}})
		}
		b := treeBuilder{
			input: func(in model.ProxyInput) *xdscorev3.TypedExtensionConfig {
				return &xdscorev3.TypedExtensionConfig{Name: in.Name}
			},
			test: onClaim,
		}
		return proto.Size(b.matcher([]treeRule{{when: grants, answer: "allow", then: verdictAction("allow")}, {when: constant(true), answer: "deny", then: verdictAction("deny")}}))
	}
	if few, many := size(100), size(400); many > 5*few {
		t.Errorf("%d bytes for 100 claims, %d for 400", few, many)
	}
}
