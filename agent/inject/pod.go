package inject

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
	"go.yaml.in/yaml/v3"
)

// pod is one Pod, or one template of Pods, that is being injected.
type pod struct {
	in       *injection
	d        *document
	object   *yaml.Node // what declares it
	template *yaml.Node // its metadata and spec
	path     []string   // from object to template
	read     podForm
	settings settings
}

// podForm is what injection asks of a Pod; all else is Kubernetes' to check.
type podForm struct {
	Metadata struct {
		Labels      map[string]string `yaml:"labels"`
		Annotations map[string]string `yaml:"annotations"`
	} `yaml:"metadata"`
	Spec struct {
		ShareProcesses  bool                    `yaml:"shareProcessNamespace"`
		HostNetwork     bool                    `yaml:"hostNetwork"`
		SecurityContext securityContext         `yaml:"securityContext"`
		Containers      []containerForm         `yaml:"containers"`
		InitContainers  []containerForm         `yaml:"initContainers"`
		Volumes         []struct{ Name string } `yaml:"volumes"`
	} `yaml:"spec"`
}

// containerForm is what injection asks of a container.
type containerForm struct {
	Name            string                  `yaml:"name"`
	Image           string                  `yaml:"image"`
	RestartPolicy   string                  `yaml:"restartPolicy"`
	Ports           []containerPort         `yaml:"ports"`
	SecurityContext securityContext         `yaml:"securityContext"`
	VolumeMounts    []struct{ Name string } `yaml:"volumeMounts"`
}

// inject gives the Pod its sidecar, and tells whether it did.
func (p *pod) inject() bool {
	errors := len(p.in.problems)
	if p.template == nil || p.template.Kind != yaml.MappingNode {
		p.problem(p.object, strings.Join(p.path, "."), model.Problem{Code: model.CodeMissing, Message: "there is no Pod template"})
		return false
	}
	if err := p.template.Decode(&p.read); err != nil {
		p.misshapen(err)
		return false
	}
	if !p.wanted() {
		return false
	}
	p.misplaced()
	p.settings = p.readSettings()
	p.check()
	if p.in.problems[errors:].HasErrors() {
		return false
	}
	if err := p.edit(); err != nil {
		p.misshapen(err)
		return false
	}
	return true
}

// misplacedLine is where the YAML library found something else than it wanted.
var misplacedLine = regexp.MustCompile(`line (\d+): `)

// misshapen tells that a value is not of its kind; the library's own words are
// of Go's types.
func (p *pod) misshapen(err error) {
	at := p.template
	if m := misplacedLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ := strconv.Atoi(m[1])
		at = &yaml.Node{Line: line}
	}
	p.problem(at, "spec", model.Problem{Code: model.CodeSyntax, Message: "not the form of a Kubernetes Pod: on this line another kind of value is wanted"})
}

// problem adds one of the Pod's; field is from the template on.
func (p *pod) problem(at *yaml.Node, field string, problem model.Problem) {
	problem.Origin = p.d.at(at)
	problem.Field = strings.Trim(strings.Join(append(append([]string(nil), p.path...), field), "."), ".")
	if at == p.object {
		problem.Field = field
	}
	p.in.problem(p.object, problem)
}

// annotation is the place of one of the Pod's annotations, for Problems.
func (p *pod) annotation(name string, problem model.Problem) {
	at := find(p.template, "metadata", "annotations", name)
	if at == nil {
		at = p.template
	}
	p.problem(at, "metadata.annotations["+name+"]", problem)
}

// edit changes the tree.
func (p *pod) edit() error {
	block(find(p.d.root)) // a document of braces would have the sidecar in one line
	for n, path := p.object, p.path; len(path) > 0; path = path[1:] {
		n.Style &^= yaml.FlowStyle
		n = find(n, path[0])
	}
	p.template.Style &^= yaml.FlowStyle
	for _, step := range []func() error{p.probes, p.metrics, p.containers, p.volumes, p.mark} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// plain texts need no quotes; shorter ones are numbers or, to old readers of
// YAML, "yes" and "on".
var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z./-]{3,}$`)

// block writes a tree that was written in braces, as JSON is, in lines.
func block(n *yaml.Node) {
	if n.Style&yaml.FlowStyle == 0 {
		return
	}
	n.Style &^= yaml.FlowStyle
	for _, c := range n.Content {
		if c.Kind == yaml.ScalarNode && plain.MatchString(c.Value) {
			c.Style &^= yaml.DoubleQuotedStyle
		}
		block(c)
	}
}
