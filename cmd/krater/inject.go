package main

import (
	"fmt"
	"io"
	"os"

	"github.com/krater-mesh/krater/agent/inject"
	"github.com/krater-mesh/krater/model"
	"github.com/spf13/cobra"
)

func injectCommand() *cobra.Command {
	var files []string
	var meshConfig, output, native string
	o := inject.Options{}
	cmd := &cobra.Command{
		Use:   "inject -f FILE...",
		Short: "Add the sidecar to Kubernetes YAML, offline.",
		Long: `Add the sidecar, and the init container that redirects to it, to the Pods of
Kubernetes YAML, offline: of Deployment, StatefulSet, DaemonSet, ReplicaSet,
ReplicationController, Job, CronJob and Pod, also inside a List. Everything else
passes byte for byte, and so does what is injected already. Istio's annotations
are read; those that have no effect are named. With an error, nothing is
written.`,
		Example: "  krater inject -f deployment.yaml --image example.com/krater:1 --control-plane krater.krater-system.svc:15012 | kubectl apply -f -",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&files, "filename", "f", nil, "Kubernetes YAML or JSON; - is standard input. May be given several times.")
	flags.StringVarP(&output, "output", "o", "", "File to write (default: standard output).")
	flags.StringVar(&o.Image, "image", "", "The sidecar's image: it has krater and Envoy.")
	flags.StringVar(&o.ControlPlane, "control-plane", "krater.krater-system.svc:15012", "The control plane's listener for agents, HOST:PORT.")
	flags.StringVar(&o.Policyd, "policyd", "", "The policy daemon, HOST:PORT, for policies that ask it.")
	flags.StringVar(&o.OTLP, "otlp", "", "The collector's OTLP receiver, HOST:PORT.")
	flags.StringVar(&o.ALS, "als", "", "The collector's access log receiver, HOST:PORT.")
	flags.StringVar(&o.TrustDomain, "trust-domain", "cluster.local", "The mesh's trust domain.")
	flags.StringVarP(&o.Namespace, "namespace", "n", "default", "The namespace of objects that name none.")
	flags.StringVar(&native, "native-sidecar", string(inject.NativeAuto), "Make the sidecar an init container that is always restarted (Kubernetes 1.29 or later): true, false, or auto, for Pods that end or wait for their proxy.")
	flags.StringVar(&meshConfig, "meshConfigFile", "", "Istio's MeshConfig as YAML: its defaultConfig, trustDomain and enablePrometheusMerge count.")
	_ = cmd.MarkFlagRequired("filename")
	_ = cmd.MarkFlagRequired("image")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch o.Native = inject.Native(native); o.Native {
		case inject.NativeAuto, inject.NativeAlways, inject.NativeNever:
		default:
			return fmt.Errorf("--native-sidecar %s: want true, false or auto", native)
		}
		var problems model.Problems
		if meshConfig != "" {
			given := o
			text, err := os.ReadFile(meshConfig)
			if err != nil {
				return fmt.Errorf("reading --meshConfigFile: %w", err)
			}
			problems = inject.ReadMeshConfig(inject.File{Name: meshConfig, Data: text}, &o)
			if cmd.Flags().Changed("trust-domain") {
				o.TrustDomain = given.TrustDomain
			}
		}
		inputs, err := injectInputs(cmd.InOrStdin(), files)
		if err != nil {
			return err
		}
		out, found := inject.Inject(inputs, o)
		problems = append(problems, found...)
		for _, p := range problems.Unique().Sorted() {
			fmt.Fprintln(cmd.ErrOrStderr(), p)
		}
		if problems.HasErrors() {
			return errProblems
		}
		if output == "" || output == "-" {
			_, err = cmd.OutOrStdout().Write(out)
			return err
		}
		if err := os.WriteFile(output, out, 0o644); err != nil {
			return fmt.Errorf("writing what was injected: %w", err)
		}
		return nil
	}
	return cmd
}

// maxInput bounds one file.
const maxInput = 64 << 20

func injectInputs(stdin io.Reader, files []string) ([]inject.File, error) {
	var out []inject.File
	for _, name := range files {
		from := stdin
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return nil, fmt.Errorf("reading what to inject: %w", err)
			}
			defer f.Close()
			from = f
		}
		data, err := io.ReadAll(io.LimitReader(from, maxInput+1))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		if len(data) > maxInput {
			return nil, fmt.Errorf("reading %s: it has more than %d bytes", name, maxInput)
		}
		out = append(out, inject.File{Name: name, Data: data})
	}
	return out, nil
}
