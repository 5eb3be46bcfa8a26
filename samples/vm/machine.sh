#!/usr/bin/env bash
# Another machine, on this one: a network of its own (10.99.0.2, this machine is
# 10.99.0.1), with its own processes, /var/lib and /usr/local/bin. It needs root.
#   machine.sh start | stop | run COMMAND...
set -euo pipefail
here=${TMPDIR:-/tmp}/krater-machine

# inside runs a command on the machine, in the folder that it was called from.
inside() {
    nsenter -t "$(cat "$here/pid")" --net --mount --pid -- \
        env -u TMPDIR PATH="/usr/local/bin:$PATH" sh -c 'cd "$1" && shift && exec "$@"' sh "$PWD" "$@"
}

case ${1:-} in
start)
    mkdir "$here"
    unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private \
        sleep infinity >"$here/log" 2>&1 &
    echo $! >"$here/outer"
    for _ in $(seq 100); do
        pgrep -P "$(cat "$here/outer")" >"$here/pid" && break
        sleep 0.05
    done
    ip link add krater0 type veth peer name eth0 netns "$(cat "$here/pid")"
    ip addr add 10.99.0.1/24 dev krater0
    ip link set krater0 up
    krater=$(command -v krater)
    envoy=${ENVOY:-$(command -v envoy || echo "$(dirname "$(readlink -f "$krater")")/../.tools/envoy-1.40.0/envoy")}
    inside sh -c '
        ip link set lo up && ip addr add 10.99.0.2/24 dev eth0 && ip link set eth0 up && ip route add default via 10.99.0.1
        mount -t tmpfs tmpfs /var/lib && mount -t tmpfs -o mode=0755 tmpfs /usr/local/bin
        for program in "$@"; do
            to=/usr/local/bin/$(basename "$program")
            touch "$to" && mount --bind "$program" "$to"
        done' sh "$krater" "$(readlink -f "$envoy")"
    echo "a machine is at 10.99.0.2"
    ;;
run)
    shift
    inside "$@"
    ;;
stop)
    kill -KILL "$(cat "$here/outer")"
    ip link del krater0 2>/dev/null || true
    rm -r "$here"
    echo "the machine is gone"
    ;;
*)
    echo "usage: machine.sh start | stop | run COMMAND..." >&2
    exit 2
    ;;
esac
