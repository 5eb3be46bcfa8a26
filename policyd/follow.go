package policyd

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/subscribe"
)

// follow keeps the policies in force those of the control plane.
func (s *Service) follow(ctx context.Context) error {
	if s.options.ControlPlane == "" {
		<-ctx.Done()
		return nil
	}
	client := subscribe.New(subscribe.Options{
		Target: s.options.ControlPlane, Node: model.NodePolicyd, Types: []string{model.TypeRegoPolicy},
		Dir: s.options.StateDir, Logger: s.options.Logger, Dial: s.options.Network.Dial,
	})
	if err := client.Run(ctx, s.take); err != nil && ctx.Err() == nil {
		return fmt.Errorf("subscribing to policies: %w", err)
	}
	return nil
}

// take puts an update in force. A live one with a policy that does not
// compile is refused whole, with the compiler's words: the control plane
// checks policies before it sends them, so this is skew between versions.
// The state on disk is all there is: its good policies count.
func (s *Service) take(u subscribe.Update) error {
	byName, err := subscribe.Decode[model.RegoPolicy](u)
	if err != nil {
		return err
	}
	list := make([]model.RegoPolicy, 0, len(byName))
	for _, p := range byName {
		list = append(list, p)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Object.Less(list[j].Object) })
	problems := s.server.SetPolicies
	if !u.FromDisk {
		problems = s.server.ReplacePolicies
	}
	return s.report(problems(list), u.FromDisk)
}

// report logs what is wrong, and makes the errors one.
func (s *Service) report(problems model.Problems, fromDisk bool) error {
	var refused []error
	for _, p := range problems {
		switch p.Severity {
		case model.Error:
			s.options.Logger.Error("a policy does not compile", "policy", p.Object.Key(), "problem", p.String())
			refused = append(refused, errors.New(p.String()))
		case model.Warning:
			s.options.Logger.Warn("a policy is suspicious", "policy", p.Object.Key(), "problem", p.String())
		}
	}
	if fromDisk {
		return nil
	}
	return errors.Join(refused...)
}
