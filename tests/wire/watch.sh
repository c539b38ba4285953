#!/usr/bin/env bash
# `musterctl watch`: Ctrl-C, the end of the daemon with --once, and without it a restart that loses nothing.
source "$(dirname "$0")/lib.sh"
needs jq curl

write_config
start_musterd
add_account alice
# follow NAME [OPTION…]: a watch that has seen a change; $follower is its process, $work/NAME what it prints.
follow() {
    setpriv --pdeathsig KILL "$MUSTERCTL" --socket "$work/musterd.sock" --json watch "${@:2}" >"$work/$1" 2>"$work/$1.err" &
    follower=$!
    children+=($!)
    within 20 has_seen "$1" || fail "$1 sees nothing: $(<"$work/$1.err")"
}
change() { ctl bindings add alice@example.com "sip:alice@192.0.2.$1" >/dev/null; }
has_seen() { change 1 && [[ -s $work/$1 ]]; }
ended() { # CODE
    local is=0
    wait "$follower" || is=$?
    [[ $is == "$1" ]] || fail "it ended with $is, not $1"
}

say "who gives no position is told one at once"
read -r line < <(timeout 10 curl -sN --unix-socket "$work/musterd.sock" http://localhost/v1/events || true)
[[ $line == "id: $(ctl --json status | jq .position)" ]] || fail "it is told '$line'"

say "Ctrl-C"
follow interrupted
kill -INT "$follower"
ended 0

say "the end of the daemon, with --once"
for signal in TERM KILL; do
    follow "once.$signal" --once
    end_musterd "$signal"
    ended 4
    start_musterd
done

say "and without"
follow staying
for signal in KILL TERM; do
    end_musterd "$signal"
    start_musterd
    change 2
done
newest=$(ctl --json status | jq .position)
has_newest() { [[ $(tail -n 1 "$work/staying" | jq .position) == "$newest" ]]; }
within 20 has_newest || fail "$(tail -n 1 "$work/staying"), not $newest"
jq -s -e '[.[].position] | . == [range(.[0]; .[-1] + 1)]' "$work/staying" >/dev/null || fail "$(jq -c .position "$work/staying")"
kill -INT "$follower"
ended 0
