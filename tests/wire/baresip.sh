#!/usr/bin/env bash
# baresip registers bob over UDP, TCP and TLS, with RFC 5626 outbound, and removes its binding when it quits.
source "$(dirname "$0")/lib.sh"
needs baresip openssl jq

write_config tls
start_musterd
add_account bob
modules=$(dirname "$(find /usr/lib /usr/local/lib -path '*baresip/modules/account.so' -print -quit 2>/dev/null)")
for transport in udp tcp tls; do
    say "over $transport"
    mkdir -p "$work/$transport"
    cat >"$work/$transport/config" <<CONFIG
sip_listen 127.0.0.1:$(free_port)
module_path $modules
module g711.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
CONFIG
    echo "<sip:bob@localhost:${port_of[$transport]};transport=$transport>;auth_user=bob;auth_pass=bob-secret;regint=600;outbound=\"sip:127.0.0.1:${port_of[$transport]};transport=$transport\";sipnat=outbound" \
        >"$work/$transport/accounts"
    HOME=$work baresip -f "$work/$transport" -t 30 </dev/null >"$work/$transport/out" 2>&1 &
    phone=$!
    children+=("$phone")
    within 15 is_bound bob || { cat "$work/$transport/out"; fail "baresip did not register over $transport"; }
    [[ $(ctl --json bindings show bob@example.com | jq -r '.bindings[0].contact') == sip:bob* ]]
    kill -INT "$phone"
    wait "$phone" || true
    within 10 is_gone bob || fail "baresip's binding stayed after it quit"
done
