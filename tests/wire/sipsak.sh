#!/usr/bin/env bash
# sipsak registers alice; a wrong password does not.
source "$(dirname "$0")/lib.sh"
needs sipsak jq

write_config
start_musterd
add_account alice
register() {
    timeout 20 sipsak -U -u alice -a "$1" -s "sip:alice@localhost:$port" -C "sip:alice@127.0.0.1:5099" \
        -H 127.0.0.1 -x 3600 -i -vv >"$work/sipsak.out" 2>&1
}
say "wrong password"
! register wrong || fail "sipsak registered with a wrong password"
is_gone alice
say "right password"
register alice-secret || { cat "$work/sipsak.out"; fail "sipsak could not register"; }
[[ $(ctl --json bindings show alice@example.com | jq -r '.bindings[0].contact') == sip:alice@127.0.0.1:5099* ]]
say "OPTIONS is answered"
timeout 20 sipsak -s "sip:localhost:$port" -H 127.0.0.1 >/dev/null
