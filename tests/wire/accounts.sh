#!/usr/bin/env bash
# What musterctl must not let through: a login taken over, all bindings removed by an empty word, accounts nobody can remove.
source "$(dirname "$0")/lib.sh"
needs jq

ends() { # ends CODE ARGUMENT…: musterctl ends with that exit code
    local want=$1 status=0
    shift
    echo secret | "$MUSTERCTL" --socket "$work/musterd.sock" "$@" >"$work/out" 2>&1 || status=$?
    [[ $status == "$want" ]] || fail "musterctl $*: exit status $status, not $want: $(cat "$work/out")"
}
write_config
sed -i 's/^domains:/&\n  example.org: {}/' "$work/muster.yaml"
start_musterd

say "a user name is of one account"
ends 0 accounts add alice@example.com --password-stdin
ends 2 accounts add alice%40x@example.com --password-stdin
ends 2 accounts add dave@example.com --password-stdin --username alice@elsewhere.example
ends 5 accounts add dave@example.com --password-stdin --username alice@example.com
ends 0 accounts add alice%40x@example.com --password-stdin --username alice-x
echo 'alice%40y@example.com,secret' >"$work/import"
ends 1 accounts import "$work/import"
ends 0 --json accounts list
[[ $(jq -r .username <"$work/out" | sort | tr '\n' ' ') == "alice alice-x " ]] || fail "$(cat "$work/out")"

say "also when two ask at once"
racers=()
for i in {1..8}; do
    echo secret | "$MUSTERCTL" --socket "$work/musterd.sock" accounts add "racer$i@example.com" --password-stdin \
        --username racer >/dev/null 2>>"$work/race.err" &
    racers+=($!)
done
won=0
for racer in "${racers[@]}"; do
    status=0
    wait "$racer" || status=$?
    [[ $status == 0 || $status == 5 ]] || fail "accounts add: exit status $status"
    [[ $status == 5 ]] || ((won += 1))
done
((won == 1)) || fail "$won accounts have one user name"
(($(grep -o 'racer belongs to sip:racer' "$work/race.err" | wc -l) == 7)) || fail "$(cat "$work/race.err")"

say "all of a file or nothing, also when the daemon dies within it"
seq 40000 | sed 's/.*/i&@example.com,pw/' >"$work/import"
accounts() { ctl --json status | jq .accounts; }
before=$(accounts)
{ cat "$work/import"; echo 'dave@example.com,pw'; echo 'racer@example.com,pw'; } >"$work/clash"
ends 5 accounts import "$work/clash"
grep -q 'racer belongs to sip:racer' "$work/out" || fail "$(cat "$work/out")"
[[ $(accounts) == "$before" ]] || fail "$(accounts) accounts, not $before"
for pause in 0.05 0.2 0.4 0.6 0.8 1; do
    "$MUSTERCTL" --socket "$work/musterd.sock" accounts import "$work/import" >/dev/null 2>&1 &
    sleep "$pause"
    end_musterd KILL
    wait $! || true
    start_musterd
    after=$(accounts)
    say "killed after $pause s: $((after - before)) of 40000"
    [[ $after == "$before" || $after == $((before + 40000)) ]] || fail "$after accounts"
done
ends 0 accounts import "$work/import"
[[ $(accounts) == $((before + 40000)) ]] || fail "$(accounts) accounts"

say "an alias stands once"
ends 0 --json accounts add bob@example.com --password-stdin --alias bob@example.com --alias b@example.com --alias b@example.com
[[ $(jq -c .aliases <"$work/out") == '["sip:b@example.com"]' ]] || fail "$(cat "$work/out")"

say "an empty contact is not all contacts"
ends 0 bindings add alice@example.com sip:alice@192.0.2.1
ends 2 bindings remove alice@example.com ""
ends 0 --json bindings count
[[ $(jq .bindings <"$work/out") == 1 ]] || fail "$(cat "$work/out")"

say "a contact of an administrator is one that a phone may have"
ends 1 bindings add alice@example.com tel:123
ends 1 bindings add alice@example.com sip:alice@example.com
ends 0 --json bindings count
[[ $(jq .bindings <"$work/out") == 1 ]] || fail "$(cat "$work/out")"

say "a cursor of somewhere else is no end of the list"
ends 2 bindings list --cursor elsewhere

say "an account outlives its domain, until it is removed"
ends 0 accounts add carol@example.org --password-stdin
sed -i '/^  example.org/d' "$work/muster.yaml"
ends 0 config reload
ends 0 accounts remove carol@example.org
ends 3 accounts remove carol@example.org
