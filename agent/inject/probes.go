package inject

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
	"go.yaml.in/yaml/v3"
)

// ProbesVariable tells the agent what to ask the application for whom: a JSON
// mapping of the agent's paths to Kubernetes probes.
const ProbesVariable = "KRATER_APP_PROBES"

// places are where a container has what the kubelet asks it, and the last
// part of the agent's path for each.
var places = []struct {
	path []string
	name string
}{
	{[]string{"livenessProbe"}, "livez"},
	{[]string{"readinessProbe"}, "readyz"},
	{[]string{"startupProbe"}, "startupz"},
	{[]string{"lifecycle", "postStart"}, "poststartz"},
	{[]string{"lifecycle", "preStop"}, "prestopz"},
}

// probes lets the kubelet ask the agent, who asks the application: the kubelet
// has no certificate, and a connection to a redirected port is Envoy's to
// accept, whether the application is there or not. Commands stay.
func (p *pod) probes() error {
	if !p.settings.rewriteProbes || !p.redirects() {
		return nil
	}
	asked := map[string]any{}
	lists := []string{"containers"}
	if p.settings.native { // else they start, and are asked, before the agent is there
		lists = append(lists, "initContainers")
	}
	for _, list := range lists {
		containers := find(p.template, "spec", list)
		if containers == nil || containers.Kind != yaml.SequenceNode {
			continue
		}
		for i, c := range containers.Content {
			for _, place := range places {
				at := find(c, place.path...)
				if at == nil || at.Kind != yaml.MappingNode {
					continue
				}
				path := "/app-health/" + text(c, "name") + "/" + place.name
				field := fmt.Sprintf("spec.%s[%d].%s", list, i, place.path[len(place.path)-1])
				if form := p.rewrite(c, at, path, field); form != nil {
					asked[path] = form
				}
			}
		}
	}
	if len(asked) == 0 {
		return nil
	}
	value, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	p.settings.env = append(p.settings.env, env{Name: ProbesVariable, Value: literal(string(value))})
	return nil
}

// rewrite turns one probe to the agent, and gives its old form with the port
// as a number; nil: it is not asked over the network.
func (p *pod) rewrite(c, at *yaml.Node, path, field string) map[string]any {
	form := map[string]any{}
	for _, way := range []string{"httpGet", "tcpSocket", "grpc"} {
		i := index(at, way)
		if i < 0 {
			continue
		}
		var old map[string]any
		if err := at.Content[i].Decode(&old); err != nil || old == nil {
			return nil // Kubernetes says what is wrong
		}
		port, ok := number16(c, find(at.Content[i], "port"))
		if !ok {
			p.problem(at, field, model.Problem{Code: model.CodeInvalidValue, Severity: model.Warning,
				Message: "its port is none of the container's: it stays as it is", Fix: "declare the port in the container"})
			return nil
		}
		old["port"] = port
		form[way] = old
		at.Style &^= yaml.FlowStyle
		at.Content[i-1].Value = "httpGet"
		at.Content[i] = mustNode(httpGet{path, metricsPort})
		break
	}
	if len(form) == 0 {
		return nil
	}
	if s, err := strconv.Atoi(text(at, "timeoutSeconds")); err == nil {
		form["timeoutSeconds"] = s
	}
	return form
}

// literal is a text in which Kubernetes finds no $(VARIABLE) to replace.
func literal(text string) string { return strings.ReplaceAll(text, "$", "$$") }

// number16 resolves a port that may be one of the container's names.
func number16(container, port *yaml.Node) (int, bool) {
	if port == nil {
		return 0, false
	}
	if n, err := strconv.ParseUint(port.Value, 10, 16); err == nil && n > 0 {
		return int(n), true
	}
	var c containerForm
	if container.Decode(&c) != nil {
		return 0, false
	}
	i := slices.IndexFunc(c.Ports, func(p containerPort) bool { return p.Name == port.Value && p.Name != "" })
	if i < 0 {
		return 0, false
	}
	return c.Ports[i].ContainerPort, true
}

// mustNode is node for a value of ours, which always has a form.
func mustNode(value any) *yaml.Node {
	n, err := node(value)
	if err != nil {
		panic(err)
	}
	return n
}
