package vm

import (
	"fmt"
	"net"
)

// UID is the user that agent and Envoy run as: the redirect leaves it alone.
const UID = 1337

// dns is the redirect's flag.
func (f Folder) dns() string {
	if f.Machine.DNS {
		return " --dns"
	}
	return ""
}

// start is a script for machines without systemd. The agent gets copies: what
// root runs is not to be the agent's to change.
func (f Folder) start() string {
	return fmt.Sprintf(`#!/bin/sh
# Brings this machine into the mesh, and takes it out again when it ends. Run
# it as root: it redirects connections, and runs the agent as uid %[1]d.
# KRATER and ENVOY name the programs, KRATER_STATE_DIR the folder for what the
# agent keeps.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
krater=${KRATER:-krater}
state=${KRATER_STATE_DIR:-/var/lib/krater}
install -d -o %[1]d -g %[1]d -m 0700 "$state" "$state/vm"
(cd "$here" && install -o %[1]d -g %[1]d -m 0600 %[3]s "$state/vm/")
"$krater" agent redirect --up%[2]s
setpriv --reuid %[1]d --regid %[1]d --clear-groups "$krater" agent --vm "$state/vm" --state "$state" &
agent=$!
trap 'kill -TERM "$agent" 2>/dev/null || true' TERM INT
while kill -0 "$agent" 2>/dev/null; do wait "$agent" || true; done
"$krater" agent redirect --down
`, UID, f.dns(), agentFiles)
}

// agentFiles are those that the agent reads.
const agentFiles = MeshFile + " " + TokenFile + " " + RootFile

// unit is for machines with systemd; the folder is to be /etc/krater.
func (f Folder) unit() string {
	return fmt.Sprintf(`[Unit]
Description=Krater's agent: this machine's part in the mesh %[1]s
After=network-online.target
Wants=network-online.target

[Service]
User=%[2]d
Group=%[2]d
StateDirectory=krater
StateDirectoryMode=0700
WorkingDirectory=/etc/krater
ExecStartPre=+/usr/bin/install -d -o %[2]d -g %[2]d -m 0700 /var/lib/krater/vm
ExecStartPre=+/usr/bin/install -o %[2]d -g %[2]d -m 0600 %[4]s /var/lib/krater/vm/
ExecStartPre=+/usr/local/bin/krater agent redirect --up%[3]s
ExecStart=/usr/local/bin/krater agent --vm /var/lib/krater/vm --state /var/lib/krater
ExecStopPost=+/usr/local/bin/krater agent redirect --down
Restart=always
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=true

[Install]
WantedBy=multi-user.target
`, f.Machine.TrustDomain, UID, f.dns(), agentFiles)
}

// hosts is for the machine's /etc/hosts.
func (f Folder) hosts() string {
	host, _, _ := net.SplitHostPort(f.Machine.ControlPlane)
	return fmt.Sprintf("# Krater's control plane: add this line to /etc/hosts.\n%s %s\n", f.ControlPlaneIP, host)
}
