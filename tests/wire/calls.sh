#!/usr/bin/env bash
# sipp phones call each other through the daemon, over UDP and TCP, and every way in which a call ends.
source "$(dirname "$0")/lib.sh"
source "$wire/phones.sh"
needs sipp jq

write_config
sed -i '/^admin:/i \
    ring_time: 10s\
  closed.example: {inbound: nobody}\
  redirect.example: {lookup: redirect, trusted: [127.0.0.1]}' "$work/muster.yaml"
! has_ipv6 || sed -i "/^store:/i \\  - udp: '[::1]:$port'" "$work/muster.yaml"
start_musterd
for user in alice bob carol dave erin; do add_account "$user"; done
for aor in bob@closed.example carol@redirect.example; do echo pw | ctl accounts add "sip:$aor" --password-stdin >/dev/null; done

say "nobody answers: after ring_time the caller hears 408, the phone a CANCEL (meanwhile the others call)"
phone dave ring
slow_phones=("${phones[@]}")
phones=()
refused erin dave 408 &
slow=$!

answered=0
for transport in u1 t1; do
    say "$transport: a call is answered and hung up"
    phone bob answer
    dial alice bob call
    phones_done
    calls_are answered $((answered += 1)) || fail "the call is not counted: $(ctl --json status | jq -c .calls)"

    say "$transport: a re-INVITE and a BYE of the callee follow the Record-Route"
    phone bob dialog_callee
    dial alice bob dialog_caller
    phones_done
    routes_are "$([[ $transport == u1 ]] && echo 1 || echo 2)"

    say "$transport: the caller gives up"
    phone bob ring
    dial alice bob cancel
    phones_done

    say "$transport: busy"
    phone bob busy
    refused alice bob 486
    phones_done

    say "$transport: two phones ring, one answers, the other one is told to stop"
    phone bob-desk ring
    phone bob-mobile answer
    dial alice bob call
    phones_done

    say "$transport: a message"
    phone bob message_in
    dial alice bob message
    phones_done
    calls_are answered $((answered += 2)) || fail "answered: $(ctl --json status | jq -c .calls)"
done

say "from UDP to TCP: both sides find each other by the double Record-Route"
transport=t1
phone bob dialog_callee
transport=u1
dial alice bob dialog_caller
phones_done
routes_are 2

say "from TCP to UDP"
phone bob dialog_callee
transport=t1
dial alice bob dialog_caller
phones_done
routes_are 2

if has_ipv6; then
    say "from IPv4 to IPv6 and back"
    transport=u1
    address=[::1]
    phone bob dialog_callee
    address=127.0.0.1
    dial alice bob dialog_caller
    phones_done
    routes_are 2
    ((answered += 1))
fi

say "a phone without a listener is called over the connection that it has opened"
transport=t1
sipp_phone bob own_connection -p "$(free_port)" -key callee bob@example.com -au bob -ap bob-secret -cid_str own &
phones+=("bob:$!")
children+=("$!")
within 10 is_bound bob || fail "the phone does not register"
transport=u1
dial alice bob call -cid_str own
phones_done

say "a call from elsewhere"
phone bob answer
dial eve@elsewhere.test bob stranger_call
phones_done
calls_are answered $((answered += 4)) || fail "answered: $(ctl --json status | jq -c .calls)"

say "calls that go nowhere"
refused alice nobody 404
refused alice carol 480
stranger_refused eve@elsewhere.test bob@closed.example 403
stranger_refused eve@elsewhere.test bob@third.test 403
calls_are answered "$answered" || fail "answered: $(ctl --json status | jq -c .calls)"

say "a trusted proxy is told where somebody is, anybody else is not"
ctl bindings add carol@redirect.example sip:carol@127.0.0.1:7777 >/dev/null
dial proxy@elsewhere.test carol@redirect.example redirected
stranger_refused eve@elsewhere.test carol@redirect.example 403 -i 127.0.0.2
calls_are redirected 1

say "fifty calls in a second, of both workers"
phone bob answer -m 50
transport=un
dial alice bob call -m 50 -r 50 -max_socket 1000
transport=u1
phones_done
calls_are answered $((answered += 50)) || fail "answered: $(ctl --json status | jq -c .calls)"

wait "$slow" || fail "the call that nobody answered"
phones=("${slow_phones[@]}")
phones_done

say "nothing stays behind: what was answered is forgotten after 32 s"
within 40 calls_are under_way 0 || fail "calls stay: $(ctl --json status | jq -c .calls)"
calls_are answered "$answered"
calls_are strays 0 || fail "answers that nobody waited for: $(ctl --json status | jq -c .calls)"

say "SIGTERM while it rings: the caller hears 503, the phone a CANCEL"
phone bob ring
refused alice bob 503 &
caller=$!
within 5 calls_are under_way 1
within 5 grep -q '180 Ringing' "$work/caller-alice.msg"
end_musterd TERM
[[ $ended == 0 ]] || fail "musterd ended with $ended"
wait "$caller" || fail "the caller did not hear 503"
wait "${phones[0]##*:}" || lost bob "the phone still rings"
