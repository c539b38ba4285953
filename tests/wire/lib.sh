# What every wire test starts from: a real musterd on loopback with ports and a folder of its own.
# Sourced by the tests. MUSTERD and MUSTERCTL name the programs; CTest sets them.
set -euo pipefail
export LC_ALL=C.UTF-8

wire=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
MUSTERD=${MUSTERD:-$wire/../../build/release/musterd}
MUSTERCTL=${MUSTERCTL:-$wire/../../build/release/musterctl}
work=$(mktemp -d "${TMPDIR:-/tmp}/muster-wire.XXXXXX")
daemon=
children=()

cleanup() {
    local status=$? pid
    trap - EXIT ERR
    set +e
    for pid in "${children[@]}" $daemon; do kill -KILL "$pid" && wait "$pid"; done 2>/dev/null
    ((status == 0 || status == 77)) || { echo "--- the daemon's last words"; tail -n 40 "$work/log"; } 2>/dev/null
    mountpoint -q "$work/disk" 2>/dev/null && umount -l "$work/disk"
    rm -rf "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'echo "FAILED: ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND" >&2' ERR
set -E

fail() { echo "FAILED: $*" >&2; exit 1; }
say() { echo "- $*"; }
skip() { echo "SKIPPED: $*"; exit 77; }

# needs PROGRAM…: the test is skipped, visibly, when one is not installed.
needs() {
    local program
    for program; do
        command -v "$program" >/dev/null || skip "$program is not installed"
    done
}

# A port nobody uses now, for UDP and TCP; of four digits, since sipsak writes no more of it.
free_port() {
    local candidate hex
    for _ in {1..200}; do
        candidate=$((6000 + RANDOM % 4000))
        printf -v hex ':%04X ' "$candidate"
        grep -q "$hex" /proc/net/{udp,tcp,udp6,tcp6} 2>/dev/null || { echo "$candidate"; return; }
    done
    fail "no free port"
}

# make_certificate NAME: $work/NAME.pem and NAME.key for our names. The NAME is in it too, to tell one from another.
make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 7 -subj "/CN=$1" \
        -addext 'subjectAltName=DNS:example.com,DNS:localhost,IP:127.0.0.1' \
        -keyout "$work/$1.key" -out "$work/$1.pem" 2>/dev/null
}

# write_config [TRANSPORT…]: UDP and TCP are on $port, others (tls ws wss) on ${port_of[TRANSPORT]}.
write_config() {
    local transport more=
    for transport; do
        port_of[$transport]=$(free_port)
        more+="  - $transport: 127.0.0.1:${port_of[$transport]}"$'\n'
        [[ $transport == ws ]] || more+=$'    certificate: first.pem\n    key: first.key\n'
    done
    [[ $more != *certificate* ]] || make_certificate first
    cat >"$work/muster.yaml" <<YAML
listen:
  - udp: 127.0.0.1:$port
  - tcp: 127.0.0.1:$port
${more}store: sqlite:$store
domains:
  example.com:
    aliases: [localhost, 127.0.0.1]
    expires: {min: 5s, default: 1h, max: 2h}
    auth: {algorithms: [MD5]}
admin:
  socket: $work/musterd.sock
workers: 2
YAML
}

# Starts the daemon; its words go through a pipe, so that no limit on files reaches them.
start_musterd() {
    setpriv --pdeathsig KILL "$MUSTERD" --config "$work/muster.yaml" 2> >(cat >>"$work/log") >&2 &
    daemon=$!
    wait_ready
}

wait_ready() {
    within 30 ctl status >/dev/null 2>&1 || fail "musterd does not answer"
}

# within SECONDS COMMAND…: until it succeeds. A daemon that has gone ends the wait.
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        [[ -z $daemon ]] || kill -0 "$daemon" 2>/dev/null || return 1
        sleep 0.05
    done
}

# end_musterd SIGNAL: its exit status is in $ended.
end_musterd() {
    kill "-$1" "$daemon"
    ended=0
    wait "$daemon" 2>/dev/null || ended=$?
    daemon=
}

ctl() { "$MUSTERCTL" --socket "$work/musterd.sock" "$@"; }
add_account() { printf '%s' "${2:-$1-secret}" | ctl accounts add "sip:$1@example.com" --password-stdin >/dev/null; }

# add_users N: u1 … uN, all with the password "pw"; $work/users.csv is sipp's list: name, right and wrong credentials.
add_users() {
    local i
    for ((i = 1; i <= $1; i++)); do echo "u$i@example.com,pw"; done | ctl accounts import - >/dev/null
    {
        echo SEQUENTIAL
        for ((i = 1; i <= $1; i++)); do
            echo "u$i;[authentication username=u$i password=pw];[authentication username=u$i password=wrong]"
        done
    } >"$work/users.csv"
}

bindings_of() { ctl --json bindings show "$1@example.com" 2>/dev/null | jq '.bindings | length' || true; }
is_bound() { [[ $(bindings_of "$1") -ge 1 ]]; }
is_gone() { [[ $(bindings_of "$1") != [1-9]* ]]; }
count_is() { [[ $(ctl --json bindings count | jq .bindings) == "$1" ]]; }
# The users that have a binding, one a line, sorted.
bound_users() { ctl --json bindings list --limit 1000000 | jq -r '.aor' | sed 's/^sip://; s/@.*//' | sort; }

# run_sipp SCENARIO [OPTION…]: one call a user of $work/users.csv. Call-IDs repeat from run to run: raise -base_cseq.
run_sipp() {
    local scenario=$1
    shift
    local calls=$(($(wc -l <"$work/users.csv") - 1))
    (cd "$work" && exec sipp "127.0.0.1:$port" -sf "$wire/sipp/$scenario.xml" -inf users.csv -m "$calls" -i 127.0.0.1 \
        -p "$(free_port)" -cid_str "%u@$scenario" -nostdin -timeout 60s -timeout_error \
        -trace_err -error_file sipp.err "$@" >sipp.out 2>&1) ||
        { tail -n 30 "$work/sipp.err" "$work/sipp.out" 2>/dev/null; fail "sipp $scenario"; }
}

port=$(free_port)
declare -A port_of=([udp]=$port [tcp]=$port)
store=$work/muster.db
