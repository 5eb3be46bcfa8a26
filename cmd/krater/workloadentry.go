package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/cmd/krater/vm"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/model"
	"github.com/spf13/cobra"
)

type entryFlags struct {
	file, name, namespace, out, state string
	folder                            vm.Folder
	ttl                               time.Duration
}

func entryConfigureCommand() *cobra.Command {
	var f entryFlags
	m := &f.folder.Machine
	cmd := &cobra.Command{
		Use:   "configure {-f GROUP.yaml | --name NAME --namespace NAMESPACE} -o DIR --controlplane HOST:PORT",
		Short: "Write what a machine needs to register itself.",
		Long: `Write into a folder what a machine needs to register itself as a workload of a
WorkloadGroup: a token, the mesh's root certificates, mesh.yaml, and a script
and a systemd unit that start its agent. Bring the folder to the machine, and
nobody else: until the token ends, whoever has it may be one of the group.

Run it where the control plane runs: it asks its admin socket for the token.`,
		Example: "  krater workload entry configure -f ratings-db.yaml -o vm --controlplane 10.77.0.1:15012\n" +
			"  scp -r vm root@db:/etc/krater && ssh root@db systemctl enable --now /etc/krater/krater-agent.service",
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "File of the WorkloadGroup.")
	cmd.Flags().StringVar(&f.name, "name", "", "Or its name, in the running mesh.")
	cmd.Flags().StringVarP(&f.namespace, "namespace", "n", "", "Namespace of the group.")
	cmd.Flags().StringVarP(&f.out, "output", "o", "", "Folder to write, readable by you only.")
	cmd.Flags().StringVar(&f.state, "state", "", "Folder of state of the control plane (default: of the mesh that runs).")
	cmd.Flags().StringVar(&m.ControlPlane, "controlplane", "", "Where the machine reaches the control plane's --agents, host:port.")
	cmd.Flags().StringVar(&f.folder.ControlPlaneIP, "controlplane-ip", "", "Its address, for the machine's /etc/hosts, where the machine cannot look its name up.")
	cmd.Flags().StringVar(&m.Address, "ip", "", "Address of the machine (default: the one by which it reaches the control plane).")
	cmd.Flags().StringVar(&m.Policyd, "policyd", "", "Where the machine reaches the policy daemon, host:port.")
	cmd.Flags().StringVar(&m.OTLP, "otlp", "", "Where it reaches the collector's OTLP receiver, host:port.")
	cmd.Flags().StringVar(&m.ALS, "als", "", "Where it reaches the collector's access log receiver, host:port.")
	cmd.Flags().BoolVar(&m.DNS, "dns", true, "Let the agent answer for the mesh's names.")
	cmd.Flags().DurationVar(&f.ttl, "ttl", time.Hour, "How long the token is good for a first certificate; the agent renews that by itself.")
	for _, name := range []string{"output", "controlplane"} {
		_ = cmd.MarkFlagRequired(name)
	}
	cmd.MarkFlagsOneRequired("file", "name")
	cmd.MarkFlagsMutuallyExclusive("file", "name")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd) }
	return cmd
}

func (f entryFlags) run(cmd *cobra.Command) error {
	layout, err := stateOf(f.state)
	if err != nil {
		return err
	}
	client := controlplane.NewClient(layout.Path("admin.sock"))
	snapshot, err := client.Snapshot(cmd.Context())
	if err != nil {
		return err
	}
	group, err := f.group(snapshot)
	if err != nil {
		return err
	}
	note, err := f.fill(cmd.Context(), client, snapshot.Mesh, group)
	if err != nil {
		return err
	}
	if err := f.folder.Write(f.out); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s is ready for a machine of %s: bring it there, and run %s as root\n", f.out, group.Object, vm.StartFile)
	fmt.Fprintf(out, "its token is a secret, and good for %s\n", f.ttl)
	if f.folder.Machine.ExecProbes {
		fmt.Fprintf(out, "the group's probe runs a command on the machine: whoever edits the group chooses it (execProbes in %s)\n", vm.MeshFile)
	}
	if note != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "krater: "+note)
	}
	return nil
}

// fill asks the control plane for what only it can give.
func (f *entryFlags) fill(ctx context.Context, client *controlplane.Client, mesh model.Mesh, group *model.WorkloadGroup) (note string, err error) {
	m := &f.folder.Machine
	m.TrustDomain, m.Namespace, m.Group = mesh.TrustDomain, group.Object.Namespace, group.Object.Name
	m.ExecProbes = group.Probe != nil && len(group.Probe.Exec) > 0
	token, err := client.Token(ctx, authority.Grant{Group: group.Object.Key(), ServiceAccount: group.Template.ServiceAccount, TTL: f.ttl})
	if err != nil {
		return "", err
	}
	m.ServiceAccount, f.folder.Token = token.Account, token.Token
	f.folder.Roots, err = client.Roots(ctx)
	return token.Note, err
}

// group is the one of the file, or of the running mesh.
func (f entryFlags) group(s model.Snapshot) (*model.WorkloadGroup, error) {
	if f.file != "" {
		text, err := os.ReadFile(f.file)
		if err != nil {
			return nil, fmt.Errorf("reading the WorkloadGroup: %w", err)
		}
		return readGroup(f.file, text)
	}
	namespace := f.namespace
	if namespace == "" {
		namespace = "default"
	}
	if g := s.Group(namespace, f.name); g != nil {
		return g, nil
	}
	var names []string
	for _, g := range s.Groups {
		names = append(names, g.Object.Key())
	}
	return nil, fmt.Errorf("the mesh has no WorkloadGroup %s/%s; it has: %s", namespace, f.name, strings.Join(names, ", "))
}

// stateOf is the folder that a flag names, or that of the mesh that runs.
func stateOf(dir string) (state.Layout, error) {
	if dir != "" {
		return state.New(dir)
	}
	return state.Find("")
}
