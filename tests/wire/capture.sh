#!/usr/bin/env bash
# HEPv3 to sngrep, read back from its file; and the messages of one user live on a terminal.
source "$(dirname "$0")/lib.sh"
needs sngrep tshark sipsak jq openssl

hep_port=$(free_port)
write_config tls
cat >>"$work/muster.yaml" <<YAML
capture: {hep: "127.0.0.1:$hep_port"}
YAML
sngrep -N -q -r -L "udp:127.0.0.1:$hep_port" -O "$work/out.pcap" >"$work/sngrep" 2>&1 </dev/null &
sngrep=$!
children+=("$sngrep")
listens() { grep -q ":$(printf %04X "$hep_port") " /proc/net/udp; }
within 10 listens || fail "sngrep does not listen: $(<"$work/sngrep")"
start_musterd
for user in alice bob; do add_account "$user"; done
register() {
    timeout 20 sipsak -U -u "$1" -a "$1-secret" -s "sip:$1@localhost:$port" -C "sip:$1@127.0.0.1:5099" \
        -H 127.0.0.1 -x 3600 -i >"$work/sipsak.out" 2>&1 || fail "$(<"$work/sipsak.out")"
}
# over_tls WHO: an OPTIONS from there.
over_tls() {
    printf '%s\r\n' "OPTIONS sip:example.com SIP/2.0" "Via: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bK$RANDOM" \
        "From: <sip:$1@example.com>;tag=1" "To: <sip:$1@example.com>" "Call-ID: tls-$1" "CSeq: 1 OPTIONS" \
        "Max-Forwards: 70" "Content-Length: 0" "" |
        timeout 10 openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:${port_of[tls]}" >"$work/tls.out" 2>/dev/null || true
}

say "sngrep receives all"
register alice
over_tls bob
sent() { [[ $(ctl metrics | awk '/^muster_hep_packets_total{result="sent"}/ {print $2}') -ge 6 ]]; }
within 10 sent || fail "$(ctl metrics | grep hep)"
kill -INT "$sngrep"
wait "$sngrep" 2>/dev/null || true
children=()
tshark -r "$work/out.pcap" -d "udp.port==$port,sip" -d "tcp.port==${port_of[tls]},sip" -T fields -E separator=' ' \
    -e ip.src -e ip.dst -e sip.Method -e sip.Status-Code >"$work/seen" 2>/dev/null
strings -n 3 "$work/out.pcap" >"$work/text"
[[ $(grep -c '^127.0.0.1 127.0.0.1 REGISTER' "$work/seen") -ge 2 ]] || fail "$(<"$work/seen")"
grep -q '127.0.0.1 127.0.0.1 *401' "$work/seen" || fail "$(<"$work/seen")"
grep -q 'Call-ID: tls-bob' "$work/text" || fail "what came over TLS is not in the capture"
grep -q 'response="\*\*\*\*\*\*\*\*"' "$work/text" || fail "no credentials, masked or not"
! grep -Eq 'response="[0-9a-f]{32}"' "$work/text" || fail "credentials in the capture"

say "trace of one user, over UDP and TLS"
ctl trace alice@example.com --for 1m --limit 6 >"$work/trace" 2>&1 &
tracer=$!
runs() { [[ $(ctl metrics | awk '/^muster_traces / {print $2}') == "$1" ]]; }
within 10 runs 1
register bob
register alice
over_tls alice
within 20 grep -q '^end ' "$work/trace" || fail "$(<"$work/trace")"
wait "$tracer" || fail "exit status $?: $(<"$work/trace")"
[[ $(grep -c '^REGISTER sip:' "$work/trace") == 2 && $(grep -c '^SIP/2.0 ' "$work/trace") == 3 ]] || fail "$(<"$work/trace")"
grep -q ' tls 127.0.0.1:[0-9]* -> 127.0.0.1:' "$work/trace"
grep -q 'response="\*\*\*\*\*\*\*\*"' "$work/trace"
! grep -q 'bob' "$work/trace" || fail "another's messages"
within 10 runs 0

say "trace ends in time, and when nobody watches"
ctl --json trace --source 127.0.0.1 --for 1s >"$work/trace"
jq -e '.reason == "time"' "$work/trace" >/dev/null
"$MUSTERCTL" --socket "$work/musterd.sock" trace --source 127.0.0.0/8 >"$work/trace" 2>&1 &
tracer=$!
within 10 runs 1
kill -KILL "$tracer"
wait "$tracer" 2>/dev/null || true
within 10 runs 0 || fail "it goes on"

say "a capture at run time"
ctl trace bob@example.com --hep "127.0.0.1:$hep_port" --for 2s >"$work/trace"
grep -q '^end reason=time' "$work/trace"
for bad in "" "--source nowhere" "--hep nowhere:1" "alice@example.com --for 2d" "x@elsewhere.example"; do
    # shellcheck disable=SC2086
    if ctl trace $bad >"$work/trace" 2>&1; then fail "trace $bad: $(<"$work/trace")"; fi
done
