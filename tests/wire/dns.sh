#!/usr/bin/env bash
# Calls to other domains: where they are is asked of a real name server (RFC 3263), and the next place is tried.
source "$(dirname "$0")/lib.sh"
source "$wire/phones.sh"
needs sipp jq dnsmasq

write_config
dns_port=$(free_port)
echo "dns: {servers: [127.0.0.1:$dns_port]}" >>"$work/muster.yaml"
start_musterd
add_account alice

sed 's/486 Busy Here/503 Service Unavailable/' "$wire/sipp/busy.xml" >"$work/overloaded.xml"
answers overloaded "$work/overloaded.xml"
overloaded=$ringing_port
answers healthy answer
healthy=$ringing_port
transport=t1
answers stream answer
stream=$ringing_port
dead=$(free_port)
silent=$(free_port)

# peer.test is there over UDP, the first of its servers has no time; stream.test over TCP, nobody listens at the first.
# Who knows silent.test does not say; there is no nowhere.test.
dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user="$(id -un)" --pid-file= \
    --listen-address=127.0.0.1 --bind-interfaces --port="$dns_port" --local=/test/ \
    --host-record=server.test,127.0.0.1 --server="/silent.test/127.0.0.1#$silent" \
    --srv-host="_sip._udp.peer.test,server.test,$overloaded,10" --srv-host="_sip._udp.peer.test,server.test,$healthy,20" \
    --srv-host="_sip._tcp.stream.test,server.test,$dead,10" --srv-host="_sip._tcp.stream.test,server.test,$stream,20" \
    2>"$work/dnsmasq.err" &
children+=("$!")
within 5 listens "$dns_port" || { cat "$work/dnsmasq.err"; fail "dnsmasq does not start"; }

transport=u1
say "the first server of peer.test answers 503: the second one takes the call"
dial alice friend@peer.test call
say "nobody listens at the first server of stream.test: the second one takes the call, over TCP"
dial alice friend@stream.test call
phones_done

say "a name that does not exist ends the call at once"
started=$SECONDS
refused alice friend@nowhere.test 500
((SECONDS - started <= 2)) || fail "it took $((SECONDS - started)) s"

say "a name server that says nothing ends it within 12 s"
started=$SECONDS
refused alice friend@silent.test 500
((SECONDS - started <= 12)) || fail "it took $((SECONDS - started)) s"
calls_are answered 2
