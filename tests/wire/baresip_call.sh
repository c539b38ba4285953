#!/usr/bin/env bash
# Two real phones, alice and bob, both baresip: they register, call each other, hang up, reject and give up, over UDP,
# TCP and TLS. They are told what to do, and tell what happens, over baresip's control port.
source "$(dirname "$0")/lib.sh"
needs baresip openssl jq

write_config tls
start_musterd
modules=$(dirname "$(find /usr/lib /usr/local/lib -path '*baresip/modules/account.so' -print -quit 2>/dev/null)")
[[ -e $modules/ctrl_tcp.so ]] || skip "baresip has no ctrl_tcp.so"
declare -A pid control

# phone NAME TRANSPORT [ACCOUNT-PARAMETER…]: starts it, with its SIP trace in $folder/NAME/out, its events in NAME/events.
phone() {
    local name=$1 transport=$2 home=$folder/$1 listen
    shift 2
    listen=$(free_port)
    mkdir -p "$home"
    cat >"$home/config" <<CONFIG
sip_listen 127.0.0.1:$(free_port)
module_path $modules
audio_player aubridge,$name
audio_source aubridge,$name
ring_aufile none
ringback_aufile none
module g711.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:$listen
CONFIG
    echo "<sip:$name@example.com>;auth_user=$name;auth_pass=$name-secret;regint=600;audio_codecs=pcmu;outbound=\"sip:127.0.0.1:${port_of[$transport]};transport=$transport\"$*" \
        >"$home/accounts"
    HOME=$work baresip -s -f "$home" </dev/null >"$home/out" 2>&1 &
    pid[$name]=$!
    children+=("$!")
    within 10 opens "$listen" || fail "$name's control port"
    exec {control[$name]}<>"/dev/tcp/127.0.0.1/$listen"
    cat <&"${control[$name]}" >"$home/events" &
    children+=("$!")
    within 15 is_bound "$name" || { tail -n 40 "$home/out"; fail "$name did not register over $transport"; }
}

opens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# tell NAME COMMAND [PARAMETER]: a JSON object in a netstring.
tell() {
    local words
    words=$(jq -nc --arg c "$2" --arg p "${3:-}" '{command: $c, params: $p}')
    printf '%d:%s,' "${#words}" "$words" >&"${control[$1]}"
}

# hears NAME EVENT [COUNT]: the phone has told of it (so often).
has_heard() { (($(jq -Rn --arg type "\"type\":\"$2\"" '[inputs | split($type) | length - 1] | add // 0' "$folder/$1/events") >= ${3:-1})); }
hears() {
    within 10 has_heard "$@" ||
        { tail -n 60 "$folder/$1/out"; cat "$folder/$1/events"; fail "$1 has not heard $2"; }
}

calls_are() { [[ $(ctl --json status | jq ".calls.$1") == "$2" ]]; }

# The session description of the first INVITE that NAME has sent or got.
offer() { sed -n '/^INVITE /,/\x1b/{s/\r$//; /^[a-z]=/p}' "$folder/$1/out" | sed '/^v=/,$!d' | awk '/^v=/ && seen++ {exit} 1'; }
# The UDP ports that a process has open, in hex.
udp_ports_of() {
    local inode
    for inode in $(find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n'); do
        awk -v inode="$inode" '$10 == inode {sub(/.*:/, "", $2); print $2}' /proc/net/udp
    done
}
holds() { udp_ports_of "$1" | grep -x "$(printf '%04X' "$2")" >/dev/null; }

answered=0
for user in alice bob; do add_account "$user"; done
for transport in udp tcp tls; do
    folder=$work/$transport
    say "$transport: alice calls, bob answers, alice hangs up"
    # Over UDP as phones do without NAT; over streams with Outbound (RFC 5626), each call over the phone's own connection.
    outbound=
    [[ $transport == udp ]] || outbound=";sipnat=outbound"
    phone alice "$transport" "$outbound"
    phone bob "$transport" "$outbound"
    sockets=$(udp_ports_of "$daemon" | sort)
    tell alice dial sip:bob@example.com
    hears bob CALL_INCOMING
    tell bob accept
    hears alice CALL_ESTABLISHED
    hears bob CALL_ESTABLISHED
    calls_are answered $((answered += 1)) || fail "$(ctl --json status | jq -c .calls)"

    say "$transport: the media is between them alone"
    [[ -n $(offer alice) && $(offer alice) == "$(offer bob)" ]] ||
        fail "the session description was touched: $(diff <(offer alice) <(offer bob))"
    media_port=$(offer bob | sed -n 's/^m=audio \([0-9]*\) .*/\1/p')
    holds "${pid[alice]}" "$media_port" || fail "$media_port is not a port of alice's phone"
    [[ $(udp_ports_of "$daemon" | sort) == "$sockets" ]] || fail "the daemon has opened something for the call"
    tell alice hangup
    hears alice CALL_CLOSED
    hears bob CALL_CLOSED

    say "$transport: bob calls, alice rejects"
    tell bob dial sip:alice@example.com
    hears alice CALL_INCOMING
    tell alice hangup
    hears bob CALL_CLOSED 2
    hears alice CALL_CLOSED 2
    grep -q '^SIP/2.0 486' "$folder/bob/out" || fail "bob was not told 486"

    say "$transport: bob calls and gives up"
    tell bob dial sip:alice@example.com
    hears alice CALL_INCOMING 2
    tell bob hangup
    hears alice CALL_CLOSED 3
    hears bob CALL_CLOSED 3
    grep -q '^CANCEL ' "$folder/alice/out" || fail "alice saw no CANCEL"
    within 5 grep -q '^SIP/2.0 487' "$folder/bob/out" || fail "bob was not told 487"
    calls_are answered "$answered"

    say "$transport: both are gone when they quit"
    for name in alice bob; do kill -INT "${pid[$name]}"; done
    for name in alice bob; do
        wait "${pid[$name]}" || true
        within 10 is_gone "$name" || fail "$name's binding stayed"
        exec {control[$name]}>&-
    done
done
