#!/usr/bin/env bash
# Alive and ready, and what the service manager hears of it: a thread that stands still is noticed, named, and the
# watchdog is fed no more; all of a process that stood still is not.
source "$(dirname "$0")/lib.sh"
needs curl jq python3

write_config
export NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=3000000
python3 "$wire/notified.py" "$NOTIFY_SOCKET" >"$work/notified" &
children+=($!)
within 10 test -S "$NOTIFY_SOCKET"
start_musterd
heard() { grep -qx "$1" "$work/notified"; }
fed() { grep -cx WATCHDOG=1 "$work/notified" || true; }
probe() { curl -sS -o "$work/body" -w '%{http_code}' --unix-socket "$work/musterd.sock" "http://localhost/v1/health/$1"; }
answers() { [[ $(probe "$1") == "$2" ]]; }

say "a daemon that is well"
within 10 heard READY=1 || fail "no READY=1"
[[ $(probe live) == 200 && $(probe ready) == 200 ]] || fail "$(<"$work/body")"
[[ $(ctl health) == *ready* && $(ctl alive) == *alive* ]]
before=$(fed)
feeds() { [[ $(fed) -ge $((before + 3)) ]]; }
within 10 feeds || fail "the watchdog is not fed"
grep -q '^STATUS=ready, 0 bindings' "$work/notified"
kill -HUP "$daemon"
within 10 heard RELOADING=1
grep -Eq '^MONOTONIC_USEC=[0-9]+$' "$work/notified"

for thread in "worker 1" writer; do
    say "$thread stands still"
    python3 "$wire/freeze.py" "$daemon" "$thread" 10 >"$work/frozen" &
    freezer=$!
    within 10 grep -q . "$work/frozen"
    grep -q frozen "$work/frozen" || skip "threads cannot be stopped here: $(<"$work/frozen")"
    within 8 answers live 503 || fail "not noticed"
    jq -e --arg thread "$thread" '.status == 503 and (.reasons[0] | startswith($thread))' "$work/body" >/dev/null
    [[ $(probe ready) == 503 ]]
    status=0
    ctl health >/dev/null 2>"$work/health" || status=$?
    [[ $status == 1 ]] || fail "health: exit status $status"
    grep -q "$thread has not moved for" "$work/health"
    within 5 grep -q "watchdog result=stuck thread=\"$thread\"" "$work/log"
    before=$(fed)
    wait "$freezer"
    [[ $(fed) -le $((before + 1)) ]] || fail "the watchdog was fed meanwhile"
    within 10 answers live 200 || fail "$(<"$work/body")"
    within 10 grep -q "watchdog result=recovered thread=\"$thread\"" "$work/log"
    [[ $(grep -c "watchdog result=stuck thread=\"$thread\"" "$work/log") == 1 ]]
    before=$(fed)
    within 10 feeds || fail "the watchdog is not fed again"
done

say "the whole process stood still"
kill -STOP "$daemon"
sleep 5
kill -CONT "$daemon"
before=$(fed)
within 10 feeds
[[ $(grep -c 'watchdog result=stuck' "$work/log") == 2 ]] || fail "somebody was blamed"

end_musterd TERM
[[ $ended == 0 ]]
heard STOPPING=1
