#!/usr/bin/env bash
# Apache RocketMQ without Docker: name server and broker from Maven Central's jars, on the Java at hand.
#
#   rocketmq.sh fetch                         put the jars into .local/rocketmq-<version>/lib, once
#   rocketmq.sh namesrv DIR PORT [key=value ...]
#                                             name server in the foreground; log: DIR/namesrv.log
#   rocketmq.sh broker DIR PORT NAMESRV_ADDRESS [key=value ...]
#                                             broker in the foreground; log: DIR/broker.log
#   rocketmq.sh admin ARGS...                 mqadmin; talks to the local name server unless -n says otherwise
#   rocketmq.sh up | down | status            name server and broker in the background, data in .local/rocketmq
#
# namesrv and broker become the Java process (exec), so the caller's child is the server itself and may be killed and
# started again on the same DIR. Everything they write is under DIR: messages in DIR/store, RocketMQ's own log in
# DIR/rocketmq.log, the process id in DIR/<name>.pid. DIR/<name>.log is emptied at each start (remove it before a restart, or
# wait until the .pid file has the new id, or an old line is found); then it says
#   boot success                 the ports are open
#   the broker is registered     (broker.log) clients find its topics by the name server, as a rule 0.3 s later
# All listen on 127.0.0.1. A broker takes three ports: PORT, PORT-2, and PORT+1, which listens on every address. A key=value
# overrides the configuration (broker.conf, BROKER_PROFILE, the settings for small machines below).
#
# Files the caller may put under DIR/home/conf beforehand:
#   plain_acl.yml    accounts and rights, read when aclEnable=true is given
#   tls.properties   certificate and key: tls.test.mode.enable=false, tls.server.certPath=, tls.server.keyPath= (PKCS#8).
#                    Without it the server makes itself a certificate. A client may use TLS or not, unless the file says
#                    tls.server.mode=enforcing (or disabled). For a name server that enforces it, the broker's file says
#                    tls.enable=true and tls.client.trustCertPath= with tls.client.authServer=true.
#
# Environment: NAMESRV_PORT (9876), BROKER_PORT (10911), BROKER_PROFILE (empty or "durable"), JAVA_HOME,
# ROCKETMQ_JAVA_OPTS (further options for both Java processes).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
version=$(sed -n 's:.*<rocketmq.version>\(.*\)</rocketmq.version>.*:\1:p' "$here/pom.xml")
home=$repo/.local/rocketmq-$version
lib=$home/lib
state=$repo/.local/rocketmq
namesrv_port=${NAMESRV_PORT:-9876}
broker_port=${BROKER_PORT:-10911}
profile=${BROKER_PROFILE:-}

die() { echo "rocketmq.sh: $*" >&2; exit 1; }
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}" >&2; exit 2; }
is_port() { [[ $1 =~ ^[0-9]{1,5}$ ]] && (($1 > 2 && $1 < 65535)); }

java_program() {
    if [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ]; then echo "$JAVA_HOME/bin/java"; else command -v java; fi
}

java_is_17() {
    local java major
    java=$(java_program) || return 1
    major=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${major:-0}" -ge 17 ]
}

# install_package WHAT TEST PACKAGE [PACKAGE ...]: the first package that apt has, as root; otherwise says what to run.
install_package() {
    local what=$1 test=$2 package
    shift 2
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq >&2 || true
        for package; do
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >&2 && break
        done
        "$test" && return
    fi
    echo "RocketMQ needs $what; on Debian or Ubuntu run: sudo apt-get install -y $1" >&2
    exit 1
}

has_mvn() { command -v mvn >/dev/null 2>&1; }

fetch() {
    if [ -d "$lib" ] && java_program >/dev/null; then return; fi
    java_is_17 || install_package "Java 17 or newer" java_is_17 openjdk-17-jre-headless default-jre-headless
    mkdir -p "$home"
    # One at a time; where there is no flock two may download, and the first to rename wins.
    exec 9>"$home/fetch.lock"
    if command -v flock >/dev/null 2>&1; then flock 9; fi
    if [ ! -d "$lib" ]; then
        has_mvn || install_package "Maven (once, to download it)" has_mvn maven
        rm -rf "$home"/new.*
        local new=$home/new.$$
        echo "Downloading RocketMQ $version (80 MB, once)" >&2
        if ! mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
            -DoutputDirectory="$new" >"$home/fetch.log" 2>&1 9>&-; then
            cat "$home/fetch.log" >&2
            rm -rf "$new"
            die "Maven could not download RocketMQ $version"
        fi
        mv "$new" "$lib"
        rm -rf "${lib:?}/new.$$"
    fi
    exec 9>&-
}

# server NAME DIR MAIN JAVA_OPTION... -- ARGUMENT...: becomes the Java process, with everything it writes under DIR.
server() {
    local name=$1 dir=$2 main=$3 java tls key value
    local options=() arguments=()
    shift 3
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    arguments=("$@")
    java=$(java_program)
    # The mode and the client's side are read from system properties only, so they are taken out of the file here.
    tls=$dir/home/conf/tls.properties
    if [ -f "$tls" ]; then
        options+=("-Dtls.config.file=$tls")
        for key in tls.server.mode tls.enable; do
            value=$(sed -n "s/^[[:space:]]*${key}[[:space:]]*=[[:space:]]*\([a-z]*\).*/\1/p" "$tls" | tail -n 1)
            if [ -n "$value" ]; then options+=("-D$key=$value"); fi
        done
    fi
    # shellcheck disable=SC2206  # a list of options, split on purpose
    options+=(${ROCKETMQ_JAVA_OPTS:-})
    export ROCKETMQ_HOME=$dir/home
    # glibc keeps a pool for each thread otherwise: some 50 MB of memory nobody uses.
    export MALLOC_ARENA_MAX=2
    cd "$dir"
    # In this order: once the id is there, what the log says is of this start. exec keeps the id.
    : >"$dir/$name.log"
    echo $$ >"$dir/$name.pid"
    if [ "$name" = broker ]; then (announce "$dir" $$ "${port:?}" "${address:?}" </dev/null >>"$dir/broker.log" 2>&1 &); fi
    exec "$java" -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError -XX:ErrorFile="$dir/hs_err_%p.log" \
        --add-exports=java.base/sun.nio.ch=ALL-UNNAMED \
        -Duser.home="$dir" -Djava.io.tmpdir="$dir/tmp" -Drmq.logback.configurationFile="$here/logback.xml" \
        "${options[@]}" -cp "$lib/*" "$main" "${arguments[@]}" </dev/null >>"$dir/$name.log" 2>&1
}

# ask PORT CODE BODY: sends one request of RocketMQ's protocol to this machine, prints what comes back in 0.2 s.
# A frame: length of the rest, length of the header, header in JSON, body.
ask() {
    local header reply
    header='{"code":'$2',"flag":0,"language":"OTHER","opaque":1,"serializeTypeCurrentRPC":"JSON","version":453}'
    {
        printf '%b%s%s' "$(printf '\\0%03o' 0 0 0 $((4 + ${#header} + ${#3})) 0 0 0 ${#header})" "$header" "$3" >&3
        LC_ALL=C IFS= read -r -d '' -t 0.2 -N 65536 reply <&3 || true
    } 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf '%s' "${reply:-}"
} 2>/dev/null

# announce DIR PID PORT NAMESRV_ADDRESS: a broker's first registration is lost when its connection to the name server
# takes longer than its own start, as is usual; the next comes 10 s later, and until then no client finds a topic. Setting
# brokerPermission to what it is makes the broker register at once. Adds a line to broker.log when the name server
# knows the broker. With aclEnable the broker refuses the request, and the 10 s remain.
announce() {
    local i permission
    permission=$(config_of "$1/broker.conf" brokerPermission)
    # A connection that is closed on us must not end the attempts.
    trap '' PIPE
    for ((i = 0; i < 600; i++)); do
        sleep 0.05
        kill -0 "$2" || return 0
        grep -q "boot success" "$1/broker.log" || continue
        if [[ $(ask "${4##*:}" 106 "") == *"\"127.0.0.1:$3\""* ]]; then
            echo "rocketmq.sh: the broker is registered"
            return
        fi
        ask "$3" 25 "brokerPermission=${permission:-6}" >/dev/null || true
    done
} 2>/dev/null

# prepare DIR: makes it and prints its absolute path.
prepare() {
    mkdir -p "$1/home/conf" "$1/tmp"
    # A killed Java leaves the native libraries it had unpacked.
    rm -rf "${1:?}"/tmp/*
    (cd "$1" && pwd)
}

key_values() {
    local pair
    for pair; do
        [[ $pair == ?*=* ]] || die "expected key=value, not: $pair"
        printf '%s\n' "$pair"
    done
}

namesrv() {
    [ $# -ge 2 ] || usage
    local port=$2 dir
    is_port "$port" || die "not a port: $port"
    fetch
    dir=$(prepare "$1")
    shift 2
    {
        echo "listenPort=$port"
        echo "bindAddress=127.0.0.1"
        echo "kvConfigPath=$dir/kvConfig.json"
        echo "configStorePath=$dir/namesrv.properties"
        key_values "$@"
    } >"$dir/ns.conf"
    server namesrv "$dir" org.apache.rocketmq.namesrv.NamesrvStartup \
        -Xms32m -Xmx96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MaxDirectMemorySize=32m -- -c "$dir/ns.conf"
}

broker() {
    [ $# -ge 3 ] || usage
    local port=$2 address=$3 dir
    is_port "$port" || die "not a port: $port"
    if [ -n "$profile" ] && [ ! -f "$here/../broker-$profile.conf" ]; then die "no such BROKER_PROFILE: $profile"; fi
    fetch
    dir=$(prepare "$1")
    shift 3
    {
        cat "$here/../broker.conf"
        if [ -n "$profile" ]; then cat "$here/../broker-$profile.conf"; fi
        echo
        echo "# Added by rocketmq.sh"
        echo "listenPort=$port"
        echo "bindAddress=127.0.0.1"
        echo "storePathRootDir=$dir/store"
        # The defaults, 1 GiB and 6 MB a file, are for large machines and many days of messages.
        echo "mappedFileSizeCommitLog=67108864"
        echo "mappedFileSizeConsumeQueue=600000"
        echo "mappedFileSizeTimerLog=16777216"
        echo "maxIndexNum=400000"
        echo "maxHashSlotNum=100000"
        key_values "$@"
    } >"$dir/broker.conf"
    # The broker writes all its settings back to the file it was given.
    cp "$dir/broker.conf" "$dir/tmp/broker.conf"
    # Each thread that stores messages keeps a buffer of maxMessageSize (4 MiB) outside the heap: some 40 of them, of which
    # memory holds only what was touched. Where they reach the limit, 5.2.0 stops delivering a delay level until it is
    # restarted, and logs nothing (apache/rocketmq issue 8124).
    server broker "$dir" org.apache.rocketmq.broker.BrokerStartup \
        -Xms128m -Xmx320m -XX:+UseG1GC -XX:MaxDirectMemorySize=512m -- -c "$dir/tmp/broker.conf" -n "$address"
}

admin() {
    fetch
    local java dir=$state/admin
    java=$(java_program)
    mkdir -p "$dir"
    export ROCKETMQ_HOME=${ROCKETMQ_HOME:-$dir} NAMESRV_ADDR=${NAMESRV_ADDR:-127.0.0.1:$namesrv_port}
    exec "$java" -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.home="$dir" \
        -Drmq.logback.configurationFile="$here/logback.xml" -cp "$lib/*" org.apache.rocketmq.tools.command.MQAdminStartup "$@"
}

# pid_of NAME: the process id of the server that `up` started, if it runs. The number may belong to
# another process by now, so the command line has to name our folder.
pid_of() {
    local pid command
    pid=$(cat "$state/$1/$1.pid" 2>/dev/null) && [[ $pid =~ ^[0-9]+$ ]] || return 1
    if [ -r "/proc/$pid/cmdline" ]; then
        command=$(tr '\0' ' ' <"/proc/$pid/cmdline")
    else
        command=$(ps -ww -o command= -p "$pid" 2>/dev/null) || return 1
    fi
    [[ $command == *"-Duser.home=$state/$1 "* ]] && echo "$pid"
}

config_of() { sed -n "s/^$2=//p" "$1" 2>/dev/null | tail -n 1; }
port_of() { config_of "$state/$1/$([ "$1" = namesrv ] && echo ns || echo broker).conf" listenPort; }
profile_of() { if [ "$(config_of "$state/broker/broker.conf" flushDiskType)" = SYNC_FLUSH ]; then echo durable; else echo default; fi; }

in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# require_free NAME PORT...: says which program has a port, and fails.
require_free() {
    local name=$1 port owner i
    shift
    for port; do
        # A broker that was killed a moment ago keeps its ports until the kernel is done with it.
        for ((i = 0; i < 30; i++)); do
            in_use "$port" || continue 2
            sleep 0.1
        done
        owner=$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:((\(.*\))).*/ (\1)/p' | head -n 1) || owner=
        die "port $port, needed by the $name, is taken by another program$owner; choose another by NAMESRV_PORT or BROKER_PORT"
    done
}

# start NAME ARGUMENT...: in the background, detached from the shell and its terminal.
start() {
    local name=$1
    shift
    local detach=(nohup)
    if command -v setsid >/dev/null 2>&1; then detach=(setsid nohup); fi
    mkdir -p "$state/$name"
    rm -f "$state/$name/$name.pid"
    : >"$state/$name/$name.log"
    "${detach[@]}" "${BASH_SOURCE[0]}" "$name" "$state/$name" "$@" </dev/null >"$state/$name/start.log" 2>&1 8>&- &
    started=$!
}

# await NAME PID LINE: until LINE is in its log, it has ended, or the minute (set at `up`) is over.
await() {
    local name=$1 log=$state/$1/$1.log
    until grep -q "$3" "$log" 2>/dev/null; do
        if ! kill -0 "$2" 2>/dev/null || ((SECONDS >= deadline)); then
            tail -n 5 "$state/$name/start.log" "$log" >&2 || true
            stop broker
            stop namesrv
            die "the $name did not start; see $log and $state/$name/rocketmq.log"
        fi
        sleep 0.1
    done
}

up() {
    is_port "$namesrv_port" || die "not a port: $namesrv_port"
    is_port "$broker_port" || die "not a port: $broker_port"
    fetch
    mkdir -p "$state"
    exec 8>"$state/up.lock"
    if command -v flock >/dev/null 2>&1; then flock 8; fi
    local already='already ' deadline=$((SECONDS + 60)) started used
    if ! pid_of namesrv >/dev/null; then
        require_free "name server" "$namesrv_port"
        if ! pid_of broker >/dev/null; then require_free broker "$broker_port" $((broker_port - 2)) $((broker_port + 1)); fi
        start namesrv "$namesrv_port"
        await namesrv "$started" "boot success"
        already=''
    fi
    if ! pid_of broker >/dev/null; then
        require_free broker "$broker_port" $((broker_port - 2)) $((broker_port + 1))
        start broker "$broker_port" "127.0.0.1:$(port_of namesrv)"
        await broker "$started" "the broker is registered"
        already=''
    fi
    echo "RocketMQ $version is ${already}up: name server 127.0.0.1:$(port_of namesrv), broker 127.0.0.1:$(port_of broker), profile $(profile_of)"
    echo "Logs: $state/namesrv and $state/broker"
    if [ "$(profile_of)" != "${profile:-default}" ] || [ "$(port_of namesrv)" != "$namesrv_port" ] || [ "$(port_of broker)" != "$broker_port" ]; then
        echo "It is running with other settings than those requested; stop it first to change them" >&2
    fi
    # The broker's own limits, which no setting raises.
    used=$(df -P "$state" | awk 'NR == 2 { sub("%", "", $5); print $5 }')
    if [ "$used" -ge 85 ]; then
        echo "The disk is $used % full: from 85 % the broker deletes old messages early, from 90 % it refuses new ones" >&2
    fi
}

# stop NAME: asks it to end, and after 20 s makes it.
stop() {
    local pid i
    pid=$(pid_of "$1") || return 0
    kill "$pid" 2>/dev/null || true
    for ((i = 0; i < 200; i++)); do
        pid_of "$1" >/dev/null || break
        sleep 0.1
    done
    if pid_of "$1" >/dev/null; then kill -9 "$pid" 2>/dev/null || true; fi
    rm -f "$state/$1/$1.pid"
}

down() {
    if ! pid_of broker >/dev/null && ! pid_of namesrv >/dev/null; then
        echo "RocketMQ is not up"
        return
    fi
    stop broker
    stop namesrv
    echo "RocketMQ is down; its messages stay in $state/broker/store"
}

# memory_of PID: its own memory, and the files it has mapped: mostly messages in the page cache, which Linux takes back when
# it needs the memory.
memory_of() {
    if [ -r "/proc/$1/status" ]; then
        awk '/^RssAnon/ { own = $2 } /^RssFile/ { files = $2 } END { printf "%d + %d MiB", own / 1024, files / 1024 }' "/proc/$1/status"
    else
        ps -o rss= -p "$1" | awk '{ printf "%d MiB", $1 / 1024 }'
    fi
}

status() {
    local name title pid missing=0
    printf '%-13s %-17s %-9s %-15s %s\n' "" ADDRESS PID "MEMORY + FILES" PROFILE
    for name in namesrv broker; do
        title=broker
        if [ "$name" = namesrv ]; then title="name server"; fi
        if pid=$(pid_of "$name"); then
            printf '%-13s %-17s %-9s %-15s %s\n' "$title" "127.0.0.1:$(port_of "$name")" "$pid" "$(memory_of "$pid")" \
                "$([ "$name" = broker ] && profile_of || echo -)"
        else
            printf '%-13s %s\n' "$title" "not up"
            missing=1
        fi
    done
    return "$missing"
}

command=${1:-}
[ -n "$command" ] && shift
case $command in
    fetch | up | down | status) [ $# = 0 ] || usage; "$command" ;;
    namesrv | broker | admin) "$command" "$@" ;;
    *) usage ;;
esac
