#!/usr/bin/env bash
# A new configuration: what it would do is told before, it is applied whole or not at all, and the old file is kept.
source "$(dirname "$0")/lib.sh"
needs jq

write_config
start_musterd
add_account alice
for contact in 1 2 3; do ctl bindings add alice@example.com "sip:alice@192.0.2.$contact" --expires 2h >/dev/null; done
same() { cmp -s "$work/muster.yaml" "$1" || fail "the file is another one now"; }
ends() { # ends CODE ARGUMENT…
    local want=$1 status=0
    shift
    ctl "$@" >"$work/out" 2>&1 || status=$?
    [[ $status == "$want" ]] || fail "musterctl $*: exit status $status, not $want: $(cat "$work/out")"
}
cp "$work/muster.yaml" "$work/first.yaml"

say "nothing changes"
ends 0 config plan "$work/first.yaml"
grep -qx 'nothing changes' "$work/out" || fail "$(cat "$work/out")"

say "a lower limit and a shorter maximum: who is over them"
sed 's/max: 2h}/max: 1h}\n    contacts: {limit: 2}/' "$work/first.yaml" >"$work/second.yaml"
ends 0 --json config plan "$work/second.yaml"
[[ $(jq -c '[(.changed | map(.key)), .restart, .loses, .domains[0].over_limit.aors, .domains[0].longer_than_max.bindings]' \
    <"$work/out") == '[["domains.example.com.contacts.limit","domains.example.com.expires.max"],[],false,1,3]' ]] ||
    fail "$(cat "$work/out")"
ends 0 config plan "$work/second.yaml"
grep -q 'domains.example.com.contacts.limit: 10 -> 2' "$work/out" || fail "$(cat "$work/out")"
same "$work/first.yaml"

say "applied in one step, the old one is kept"
chmod 0640 "$work/muster.yaml"
ends 0 config apply "$work/second.yaml"
same "$work/second.yaml"
cmp -s "$work/muster.yaml.bak" "$work/first.yaml" || fail "the old file is not in .bak"
[[ $(stat -c %a "$work/muster.yaml") == 640 ]] || fail "its mode has changed"
[[ $(ctl --json domains list | jq .contact_limit) == 2 ]] || fail "it is not in force"
ctl config show | grep -q 'contacts.limit' || fail "$(ctl config show)"

say "what needs a restart, takes something away or is broken changes nothing"
sed 's/workers: 2/workers: 1/' "$work/second.yaml" >"$work/third.yaml"
ends 1 config apply "$work/third.yaml"
grep -q 'a change of workers needs a restart' "$work/out" || fail "$(cat "$work/out")"
same "$work/second.yaml"
sed 's/^  example.com:/  example.net:/' "$work/second.yaml" >"$work/third.yaml"
ends 2 config apply "$work/third.yaml"
grep -q 'domain example.com is served no more: 1 accounts and 3 bindings' "$work/out" || fail "$(cat "$work/out")"
same "$work/second.yaml"
sed 's/limit: 2/limt: 2/' "$work/second.yaml" >"$work/third.yaml"
ends 1 config apply "$work/third.yaml"
grep -q 'unknown key .*limt' "$work/out" || fail "$(cat "$work/out")"
same "$work/second.yaml"
ends 1 config apply "$work/nowhere.yaml"
[[ $(ctl --json domains list | jq .contact_limit) == 2 ]] || fail "the configuration has changed"

say "with --yes"
sed 's/^  example.com:/  example.net:/' "$work/second.yaml" >"$work/third.yaml"
ends 0 config apply "$work/third.yaml" --yes
[[ $(ctl --json domains list | jq -r .domain) == example.net ]] || fail "$(ctl domains list)"
end_musterd TERM
[[ $ended == 0 ]] || fail "exit status $ended"
