#!/usr/bin/env bash
# SIGHUP with a broken config keeps the old one, with a good one takes it; SIGTERM ends with 0.
source "$(dirname "$0")/lib.sh"
needs sipsak jq

write_config
start_musterd
add_account alice
register() {
    timeout 20 sipsak -U -u alice -a alice-secret -s "sip:alice@localhost:$port" -C "sip:alice@127.0.0.1:5099" \
        -H 127.0.0.1 -x 3600 -i >"$work/sipsak.out" 2>&1
}
complains() { grep -Eq 'muster\.yaml:[0-9]+:[0-9]+: .*domans' "$work/log"; }
serves() { ctl domains list | grep -q "$1"; }

cp "$work/muster.yaml" "$work/good.yaml"
sed 's/^domains:/domans:/' "$work/good.yaml" >"$work/muster.yaml"
say "broken config, SIGHUP"
kill -HUP "$daemon"
within 10 complains || fail "no word in the log about the broken config"
register || fail "the old config is gone"
serves example.com
say "broken config, musterctl config reload"
status=0
ctl config reload >/dev/null 2>&1 || status=$?
[[ $status == 1 ]] || fail "config reload: exit status $status"

say "good config, SIGHUP"
sed '/^admin:/i\  example.org: {}' "$work/good.yaml" >"$work/muster.yaml"
kill -HUP "$daemon"
within 10 serves example.org || fail "the new domain is not served"
register
is_bound alice

say "SIGTERM"
end_musterd TERM
[[ $ended == 0 ]] || fail "exit status $ended"

say "SIGHUP and SIGTERM while the store is loaded"
start_musterd
for ((i = 1; i <= 50000; i++)); do echo "u$i@example.com,pw"; done | ctl accounts import - >/dev/null
end_musterd TERM
setpriv --pdeathsig KILL "$MUSTERD" --config "$work/muster.yaml" 2> >(cat >>"$work/log") >&2 &
daemon=$!
has_opened_store() { [[ $(<"$store-lock") == "$daemon" ]]; }
within 10 has_opened_store
kill -HUP "$daemon"
end_musterd TERM
[[ $ended == 0 ]] || fail "exit status $ended"
[[ $(grep -c ' ready$' "$work/log") == 2 ]] || fail "it was loaded before the signals came"

say "wrong config at start: exit code 2"
sed 's/^domains:/domans:/' "$work/good.yaml" >"$work/muster.yaml"
status=0
"$MUSTERD" --config "$work/muster.yaml" >"$work/check.log" 2>&1 || status=$?
[[ $status == 2 ]] || fail "exit status $status"
grep -Eq 'muster\.yaml:[0-9]+:[0-9]+: .*domans' "$work/check.log"
