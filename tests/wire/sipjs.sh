#!/usr/bin/env bash
# SIP.js in Node registers bob over ws, then over wss, whose certificate it checks, and unregisters.
source "$(dirname "$0")/lib.sh"
source "$wire/pages.sh"
needs openssl jq
needs_javascript

write_config ws wss
start_musterd
add_account bob
for scheme in ws wss; do
    say "over $scheme"
    mkfifo "$work/$scheme"
    NODE_EXTRA_CA_CERTS=$work/first.pem node "$browser/sipjs.mjs" "$scheme://localhost:${port_of[$scheme]}" bob bob-secret \
        <"$work/$scheme" >"$work/sipjs.out" 2>&1 &
    phone=$!
    children+=("$phone")
    exec {keyboard}>"$work/$scheme"
    within 15 grep -qx registered "$work/sipjs.out" || fail "SIP.js did not register: $(cat "$work/sipjs.out")"
    is_bound bob || fail "SIP.js says registered, and is not"
    exec {keyboard}>&-
    wait "$phone" || fail "SIP.js: $(cat "$work/sipjs.out")"
    grep -qx unregistered "$work/sipjs.out"
    is_gone bob || fail "SIP.js's binding stayed"
done
