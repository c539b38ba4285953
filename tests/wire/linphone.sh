#!/usr/bin/env bash
# linphonec registers carol over TCP, then over TLS, where it checks our certificate.
source "$(dirname "$0")/lib.sh"
needs linphonec openssl jq

write_config tls
start_musterd
add_account carol
mkdir -p "$work/.local/share/linphone" "$work/.config/linphone"
for transport in tcp tls; do
    say "over $transport"
    cat >"$work/linphonerc" <<CONFIG
[sip]
sip_port=$(free_port)
sip_tcp_port=$(free_port)
sip_tls_port=$(free_port)
root_ca=$work/first.pem
bind_address=127.0.0.1
default_proxy=0

[auth_info_0]
username=carol
userid=carol
passwd=carol-secret
realm=example.com

[proxy_0]
reg_proxy=<sip:localhost:${port_of[$transport]};transport=$transport>
reg_identity=sip:carol@localhost:${port_of[$transport]}
reg_expires=600
reg_sendregister=1
CONFIG
    mkfifo "$work/commands-$transport"
    HOME=$work linphonec -c "$work/linphonerc" <"$work/commands-$transport" >"$work/linphone.out" 2>&1 &
    phone=$!
    children+=("$phone")
    exec 9>"$work/commands-$transport"
    within 30 is_bound carol || { tail -n 40 "$work/linphone.out"; fail "linphonec did not register over $transport"; }
    [[ $(ctl --json bindings show carol@example.com | jq -r '.bindings[0].contact') == sip:carol@* ]]
    say "registered; quit"
    echo quit >&9
    exec 9>&-
    within 15 is_gone carol || fail "linphonec's binding stayed after it quit"
done
