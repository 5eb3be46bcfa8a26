#!/usr/bin/env bash
# Customers who never stop asking: `customers.sh start URL` sends requests until
# `customers.sh stop`, which says how many there were and how many failed.
set -euo pipefail
here=${TMPDIR:-/tmp}/krater-customers
case ${1:-} in
start)
    mkdir -p "$here"
    : >"$here/answers"
    touch "$here/go"
    for _ in 1 2; do
        (
            end=$((SECONDS + 300)) # whatever happens, they go home some day
            while [ -e "$here/go" ] && [ $SECONDS -lt $end ]; do
                curl -s -m 10 -o /dev/null -w '%{http_code}\n' "$2" >>"$here/answers" || true
            done
            echo gone >>"$here/done"
        ) >/dev/null 2>&1 &
    done
    ;;
stop)
    rm -f "$here/go"
    for _ in $(seq 100); do
        [ "$(wc -l 2>/dev/null <"$here/done" || echo 0)" -ge 2 ] && break
        sleep 0.1
    done
    asked=$(wc -l <"$here/answers")
    failed=$(grep -vc '^200$' "$here/answers" || true)
    rm -r "$here"
    echo "$asked requests, $failed failed"
    [ "$asked" -gt 0 ] && [ "$failed" -eq 0 ]
    ;;
*)
    echo "usage: customers.sh start URL | stop" >&2
    exit 2
    ;;
esac
