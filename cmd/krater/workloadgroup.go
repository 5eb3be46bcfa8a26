package main

import (
	"fmt"
	"strconv"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

type groupFlags struct {
	name, namespace, account   string
	labels, annotations, ports map[string]string
}

func groupCreateCommand() *cobra.Command {
	var f groupFlags
	cmd := &cobra.Command{
		Use:   "create --name NAME --namespace NAMESPACE",
		Short: "Print a WorkloadGroup.",
		Long: `Print a WorkloadGroup, for a file of the mesh. Add the probe by which its
workloads are asked whether they are well.`,
		Example: "  krater workload group create --name ratings-db --namespace default --labels app=ratings-db --ports mysql=3306 --serviceAccount ratings-db",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&f.name, "name", "", "Name of the group.")
	cmd.Flags().StringVarP(&f.namespace, "namespace", "n", "", "Namespace of the group and its workloads.")
	cmd.Flags().StringVarP(&f.account, "serviceAccount", "s", model.DefaultServiceAccount, "Service account of the workloads: who they are for others.")
	cmd.Flags().StringToStringVarP(&f.labels, "labels", "l", nil, "Labels of the workloads, as app=x,version=v1.")
	cmd.Flags().StringToStringVarP(&f.annotations, "annotations", "a", nil, "Annotations of the workloads.")
	cmd.Flags().StringToStringVarP(&f.ports, "ports", "p", nil, "Where the ports of services are served, as http=8080,grpc=3550.")
	_ = cmd.MarkFlagRequired("name")
	_ = cmd.MarkFlagRequired("namespace")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		text, err := f.yaml()
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	return cmd
}

func (f groupFlags) yaml() ([]byte, error) {
	ports := map[string]uint64{}
	for name, text := range f.ports {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("--ports %s=%s: want a name and a number, as http=8080", name, text)
		}
		ports[name] = n
	}
	template, metadata := map[string]any{"serviceAccount": f.account}, map[string]any{}
	for _, x := range []struct {
		in    map[string]any
		name  string
		value any
		given int
	}{
		{template, "ports", ports, len(ports)}, {metadata, "labels", f.labels, len(f.labels)}, {metadata, "annotations", f.annotations, len(f.annotations)},
	} {
		if x.given > 0 {
			x.in[x.name] = x.value
		}
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "WorkloadGroup",
		"metadata": map[string]any{"name": f.name, "namespace": f.namespace},
		"spec":     map[string]any{"metadata": metadata, "template": template},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the WorkloadGroup: %w", err)
	}
	if _, err := readGroup("the WorkloadGroup", text); err != nil {
		return nil, err
	}
	return text, nil
}

// readGroup reads the one WorkloadGroup of a file.
func readGroup(file string, text []byte) (*model.WorkloadGroup, error) {
	objects, _, problems := crds.Parse(file, text)
	var found *model.WorkloadGroup
	for _, o := range objects {
		if o.Ref.Kind != "WorkloadGroup" {
			continue
		}
		e, own := crds.Convert(o, crds.Options{})
		if problems = append(problems, own...); e.Content.WorkloadGroup == nil {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%s holds several WorkloadGroups: keep the one that is meant", file)
		}
		found = e.Content.WorkloadGroup
	}
	for _, p := range problems {
		if p.Severity == model.Error {
			return nil, fmt.Errorf("%s", p)
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%s holds no WorkloadGroup", file)
	}
	return found, nil
}
