#!/usr/bin/env bash
# linphonec registers carol over TCP.
source "$(dirname "$0")/lib.sh"
needs linphonec jq

write_config
start_musterd
add_account carol
mkdir -p "$work/.local/share/linphone" "$work/.config/linphone"
cat >"$work/linphonerc" <<CONFIG
[sip]
sip_port=$(free_port)
sip_tcp_port=$(free_port)
bind_address=127.0.0.1
default_proxy=0

[auth_info_0]
username=carol
userid=carol
passwd=carol-secret
realm=example.com

[proxy_0]
reg_proxy=<sip:localhost:$port;transport=tcp>
reg_identity=sip:carol@localhost:$port
reg_expires=600
reg_sendregister=1
CONFIG
mkfifo "$work/commands"
HOME=$work linphonec -c "$work/linphonerc" <"$work/commands" >"$work/linphone.out" 2>&1 &
phone=$!
children+=("$phone")
exec 9>"$work/commands"
within 30 is_bound carol || { tail -n 40 "$work/linphone.out"; fail "linphonec did not register"; }
[[ $(ctl --json bindings show carol@example.com | jq -r '.bindings[0].contact') == sip:carol@* ]]
say "registered; quit"
echo quit >&9
exec 9>&-
within 15 is_gone carol || fail "linphonec's binding stayed after it quit"
