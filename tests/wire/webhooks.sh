#!/usr/bin/env bash
# Receivers that are down, and then fail at random, are told of every change, over kill -9 too; http and https.
source "$(dirname "$0")/lib.sh"
needs sipp jq python3 openssl

users=1500
hook=$(free_port)
secure=$(free_port)
printf 'a secret of the test\n' >"$work/secret"
make_certificate receiver
write_config
cat >>"$work/muster.yaml" <<YAML
tls: {ca: receiver.pem}
webhooks:
  - url: http://127.0.0.1:$hook/hook?x=1
    secret_file: secret
  - url: https://localhost:$secure/hook?x=1
    secret_file: secret
    events: [registered, refreshed]
    domains: [example.com]
YAML

receiver() { # NAME PORT [CERTIFICATE KEY]
    setpriv --pdeathsig KILL python3 "$wire/webhook_receiver.py" "$2" "a secret of the test" "$work/$1" "${@:3}" &
    children+=($!)
}
hooks() { ctl --json status | jq -c "[.webhooks[] | $1]"; }
all_told() { [[ $(hooks .lag) == '[0,0]' ]]; }
# The events of the log after the position where the webhooks began, as the log and as the receiver has them.
in_log() { ctl --json history export --from "$began" | jq -c "$1 | .position"; }
told() { jq -c .position "$work/$1"; }

start_musterd
began=$(hooks .position | jq 'min')
add_users "$users"
run_sipp register -r 1000 -l 100
[[ $(hooks '.failures > 0') == '[true,true]' ]] || fail "nobody is there to be told: $(hooks .)"
say "down: $(hooks .error)"
end_musterd KILL
start_musterd
run_sipp register -r 1000 -l 100 -base_cseq 100
receiver plain "$hook"
receiver tls "$secure" "$work/receiver.pem" "$work/receiver.key"
end_musterd TERM
[[ $ended == 0 ]]
start_musterd
within 60 all_told || fail "not told: $(hooks .)"

for name in plain tls; do
    ! grep -q fault "$work/$name" || fail "$(grep -m1 fault "$work/$name")"
    filter=.
    [[ $name == plain ]] || filter='select(.event == "registered" or .event == "refreshed")'
    in_log "$filter" >"$work/log.$name"
    (($(wc -l <"$work/log.$name") >= 2 * users))
    told "$name" | sort -nu | diff -q - "$work/log.$name" >/dev/null || fail "$name: not what the log has"
    # What is told again follows in order: no position comes for the first time after a greater one.
    told "$name" | awk '!($1 in seen) { if ($1 < last) exit 1; last = $1; seen[$1] }' || fail "$name: out of order"
    say "$name: $(wc -l <"$work/log.$name") changes, told $(told "$name" | wc -l) times"
done

say "one whose position is of no use is told so, and goes on"
end_musterd TERM
for file in "$store"-webhook-*; do sed -i '1s/.*/999999999/' "$file"; done
start_musterd
is_gone_told() { grep -q '"gone"' "$work/plain" && grep -q '"gone"' "$work/tls"; }
within 60 is_gone_told || fail "not told: $(hooks .)"
[[ $(hooks '.gaps > 0') == '[true,true]' ]]
grep -q 'webhook result=gone position=999999999' "$work/log"

say "a reload takes one off"
sed -i "/127.0.0.1:$hook/,+1d" "$work/muster.yaml"
ctl config reload >/dev/null
[[ $(ctl --json status | jq -r '.webhooks[].url') == "https://localhost:$secure/hook" ]]
