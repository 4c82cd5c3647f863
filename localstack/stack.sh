#!/usr/bin/env bash
# The local RocketMQ: stack.sh up | down | status. In Docker where an engine answers, otherwise natively
# (rocketmq/rocketmq.sh). BOXOFFICE_STACK=docker or native decides it. What is sent stays over a down and an up.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

docker_answers() {
    command -v docker >/dev/null 2>&1 && docker compose version >/dev/null 2>&1 || return 1
    # An engine that hangs must not hang this too.
    docker info >/dev/null 2>&1 &
    local pid=$! i
    for ((i = 0; i < 50; i++)); do
        if ! kill -0 "$pid" 2>/dev/null; then
            wait "$pid"
            return
        fi
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
    return 1
}

compose() { docker compose -f "$here/docker-compose.yml" "$@"; }

case ${1:-} in
    up | down | status) ;;
    *)
        echo "usage: stack.sh up | down | status" >&2
        exit 2
        ;;
esac

stack=${BOXOFFICE_STACK:-}
if [ -z "$stack" ]; then
    if docker_answers; then stack=docker; else stack=native; fi
fi

case $stack:$1 in
    docker:up)
        compose up --detach --wait namesrv broker
        # Slow to start, and nothing waits for it.
        compose up --detach dashboard
        echo "RocketMQ is up in Docker: name server 127.0.0.1:${NAMESRV_PORT:-9876}, broker 127.0.0.1:${BROKER_PORT:-10911}, dashboard http://127.0.0.1:${DASHBOARD_PORT:-8082}"
        ;;
    docker:down) compose down ;;
    docker:status)
        compose ps
        [ -n "$(compose ps --quiet --status running broker)" ]
        ;;
    native:*) exec "$here/rocketmq/rocketmq.sh" "$1" ;;
    *)
        echo "stack.sh: BOXOFFICE_STACK is docker or native, not $stack" >&2
        exit 2
        ;;
esac
