#!/usr/bin/env bash
# Who is banned is neither heard nor connected from the moment the command answers, across kill -9 and until it is taken
# back or its time is up; others notice nothing. Who guesses passwords is shown, and let go on at once.
source "$(dirname "$0")/lib.sh"
needs python3 jq sqlite3

# phone KIND SOURCE [PASSWORD]: registers alice; prints the status, "none" without an answer within half a second.
phone() {
    PYTHONDONTWRITEBYTECODE=1 python3 - "$port" "$@" <<PY
import sys
sys.path.insert(0, "$wire/attacks")
import sip
port, kind, source, password = int(sys.argv[1]), sys.argv[2], sys.argv[3], (sys.argv[4:] + ["alice-secret"])[0]
phone, uri = getattr(sip, kind)(port, source), f"sip:{sip.DOMAIN}"
ask = lambda cseq, more: phone.ask(sip.request("REGISTER", uri, source, cseq=cseq, transport=phone.name,
    more=[f"Contact: <sip:alice@{source}>", *more]), 0.5)
challenge = ask(1, [])
answer = ask(2, [sip.credentials(challenge, "alice", password, "REGISTER", uri)]) if challenge else b""
print(sip.status(answer) or "none")
PY
}
registers() { [[ $(phone "$1" "$2") == 200 ]] || fail "$1 from $2: not registered"; }
is_deaf() { [[ $(phone "$1" "$2") == none ]] || fail "$1 from $2: heard"; }
# ends STATUS COMMAND…: its exit status.
ends() {
    local wanted=$1 status=0
    shift
    ctl "$@" >"$work/out" 2>&1 || status=$?
    [[ $status == "$wanted" ]] || fail "$*: exit status $status: $(<"$work/out")"
}
listed() { ctl --json bans list | jq -r '"\(.kind) \(.address) \(.by) \(.reason)"'; }

write_config
sed -i 's|^    expires: .*|&\n    trusted: [198.51.100.0/28]|' "$work/muster.yaml"
start_musterd
add_account alice

say "a phone is banned, and its neighbour is not"
for kind in Udp Tcp; do registers $kind 127.0.0.2; done
exec {connection}<>/dev/tcp/127.0.0.1/"$port"  # from 127.0.0.1: it stays
ctl --json bans add 127.0.0.2 --reason "dials at night" | jq -e '.kind == "ban" and .until == null' >/dev/null
for kind in Udp Tcp; do
    is_deaf $kind 127.0.0.2
    registers $kind 127.0.0.3
done
[[ $(listed) == "ban 127.0.0.2 uid $(id -u) dials at night" ]] || fail "$(listed)"
[[ $(ctl --json bans list | jq .dropped) -ge 2 ]] || fail "nothing was counted"
ctl metrics >"$work/metrics"
grep -qx 'muster_bans 1' "$work/metrics"
grep -Eqx 'muster_banned_total [1-9][0-9]*' "$work/metrics"
grep -q 'audit command="bans add" by=".*" result=done status=200 .*reason="dials at night"' "$work/log" || fail "no audit"

say "an open connection is closed with the answer"
python3 - "$port" "$MUSTERCTL" "$work/musterd.sock" <<'PY' || fail "a connection is open"
import socket, subprocess, sys
phone = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5, ("127.0.0.4", 0))
other = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5, ("127.0.0.5", 0))
for one in (phone, other):  # it is taken
    one.sendall(b"\r\n\r\n")
    assert one.recv(9) == b"\r\n"
subprocess.run([sys.argv[2], "--socket", sys.argv[3], "bans", "add", "127.0.0.4"], check=True, stdout=subprocess.DEVNULL)
phone.setblocking(False)
try:
    sys.exit(phone.recv(9) != b"")
except ConnectionResetError:
    other.sendall(b"\r\n\r\n")
    assert other.recv(9) == b"\r\n"
PY
ends 0 bans remove 127.0.0.4
printf '\r\n\r\n' >&"$connection"
IFS= read -r -t 5 _ <&"$connection" || fail "the connection of another is gone"
exec {connection}>&-

say "kill -9, and it is banned still"
end_musterd KILL
start_musterd
for kind in Udp Tcp; do is_deaf $kind 127.0.0.2; done
[[ $(listed) == "ban 127.0.0.2 uid $(id -u) dials at night" ]] || fail "$(listed)"

say "what is taken back"
ends 0 bans remove 127.0.0.2
for kind in Udp Tcp; do registers $kind 127.0.0.2; done
ends 3 bans remove 127.0.0.2
[[ -z $(listed) ]] || fail "$(listed)"

say "its time is up"
ends 0 bans add 127.0.0.2/32 --for 2s
is_deaf Udp 127.0.0.2
is_free() { [[ -z $(listed) && $(phone Udp 127.0.0.2) == 200 ]]; }
within 10 is_free || fail "still banned"
[[ $(sqlite3 -readonly "$store" "SELECT count(*) FROM log WHERE kind = 5 AND cause = 3") == 1 ]]

say "slips"
for text in 0.0.0.0/0 10.0.0.0/7 2000::/15; do ends 1 bans add $text; done
for text in nowhere 192.0.2.7:5060 192.0.2.0/33 "192.0.2.7;drop"; do ends 2 bans add "$text"; done
ends 2 bans add 192.0.2.7 --for 0s
ends 1 bans add 192.0.2.7 --reason $'two\nlines'
ends 5 bans add 198.51.100.0/24
grep -q 'example.com' "$work/out" || fail "$(<"$work/out")"
[[ -z $(listed) ]] || fail "$(listed)"

say "pages"
for i in {1..5}; do ctl bans add "192.0.2.$i" >/dev/null; done
ctl --json bans list --limit 2 >"$work/page" 2>"$work/more"
cursor=$(sed -n 's/.*--cursor //p' "$work/more" | tr -d "'")
ctl --json bans list --cursor "$cursor" >>"$work/page"
[[ $(jq -r .address "$work/page" | tr '\n' ' ') == "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 " ]] || fail "$(<"$work/page")"
for i in {1..5}; do ctl bans remove "192.0.2.$i" >/dev/null; done

say "who guesses is shown, and forgiven"
is_throttled() { [[ $(phone Udp 127.0.0.6 wrong) == none ]]; }
within 20 is_throttled || fail "nobody was turned away"
[[ $(listed) == "throttled 127.0.0.6 limits.guesses wrong passwords" ]] || fail "$(listed)"
ctl --json bans list | jq -e '.user == "alice" and .dropped >= 1 and .last != null' >/dev/null
ctl bans list | grep -q '127.0.0.6 .*throttled .*alice'
ends 0 bans remove 127.0.0.6
[[ -z $(listed) ]] || fail "$(listed)"
registers Udp 127.0.0.6
end_musterd TERM
[[ $ended == 0 ]]
