# sipp phones that call each other through the daemon. Sourced after lib.sh.

phones=()          # processes that have a call to take
transport=u1       # of the phones started and the calls made from here on: u1 or t1
address=127.0.0.1  # of the same, where the daemon listens too; IPv6 in brackets
ringing_port=      # of the phone started last

has_ipv6() { grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null; }

listens() {
    local hex
    printf -v hex ':%04X 0' "$1"
    grep -q "$hex" /proc/net/{udp,tcp}{,6}
}

# sipp_phone NAME SCENARIO [OPTION…]: sipp by itself, which leaves what it saw in $work/NAME.*.
sipp_phone() {
    local name=$1 scenario=$2
    shift 2
    [[ -e $scenario ]] || scenario=$wire/sipp/$scenario.xml
    (cd "$work" && exec sipp "$address:$port" -sf "$scenario" -m 1 -i "$address" -t "$transport" -nostdin \
        -timeout 25s -timeout_error -trace_err -error_file "$name.err" -trace_msg -message_file "$name.msg" \
        "$@" >"$name.out" 2>&1)
}

# answers NAME SCENARIO [OPTION…]: a phone that takes a call, on $ringing_port. Who it is, is the caller's to know.
answers() {
    local name=$1
    ringing_port=$(free_port)
    sipp_phone "$@" -p "$ringing_port" -key callee "${name%%-*}@example.com" &
    phones+=("$name:$!")
    children+=("$!")
    within 5 listens "$ringing_port" || fail "$name's phone does not start"
}

# phone NAME SCENARIO [OPTION…]: the same, and NAME (up to a "-") is bound to it.
phone() {
    answers "$@"
    local uri="sip:callee@$address:$ringing_port"
    [[ $transport != t1 ]] || uri+=";transport=tcp"
    ctl bindings add "${1%%-*}@example.com" "$uri" >/dev/null
}

# dial FROM TO SCENARIO [OPTION…]: one call, to its end. A bare name is a user of ours.
dial() {
    local from=$1 to=$2 scenario=$3
    shift 3
    [[ $from == *@* ]] || from+=@example.com
    [[ $to == *@* ]] || to+=@example.com
    sipp_phone "caller-${from%@*}" "$scenario" -s "$to" -key from "$from" -au "${from%@*}" -ap "${from%@*}-secret" \
        -p "$(free_port)" "$@" || lost "caller-${from%@*}" "$from calls $to: $scenario"
}

# refused FROM TO STATUS [OPTION…]: one of our users calls and is told STATUS; stranger_refused: somebody else does.
refused() { dial_for_status refused "$@"; }
stranger_refused() { dial_for_status stranger_refused "$@"; }
dial_for_status() {
    local scenario=$1 from=$2 to=$3 status=$4
    shift 4
    sed "s/STATUS/$status/" "$wire/sipp/$scenario.xml" >"$work/$scenario-$status.xml"
    dial "$from" "$to" "$work/$scenario-$status.xml" "$@"
}

# All phones have had their call as their scenario says; their users are bound to nothing now.
phones_done() {
    local each
    for each in "${phones[@]}"; do
        wait "${each##*:}" || lost "${each%%:*}" "the phone of ${each%%:*}"
        ctl bindings remove "${each%%[-:]*}@example.com" >/dev/null 2>&1 || true
    done
    phones=()
}

# lost NAME WHAT…: the test fails; what that phone saw is shown.
lost() {
    local name=$1
    shift
    { tail -n 120 "$work/$name.msg"; tail -n 20 "$work/$name.err"; } 2>/dev/null || true
    fail "$*"
}

# routes_are N [CALLER]: what the caller (alice) sent inside the dialog went along a Route set of N values.
routes_are() {
    local sets caller=caller-${2:-alice}
    mapfile -t sets < <(grep '^Route:' "$work/$caller.msg" | sort -u)
    ((${#sets[@]} == 1)) && (($(grep -o ';lr>' <<<"${sets[0]}" | wc -l) == $1)) ||
        lost "$caller" "not a Route set of $1: ${sets[*]}"
}

calls_are() { [[ $(ctl --json status | jq ".calls.$1") == "$2" ]]; }
