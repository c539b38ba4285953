#!/usr/bin/env bash
# What happened to a phone, what was bound at a time, and the changes as they come.
source "$(dirname "$0")/lib.sh"
needs sipp jq curl

write_config
start_musterd
add_users 3
run_sipp register
ctl bindings add u1@example.com sip:desk@127.0.0.1:9 --expires never >/dev/null
ctl bindings remove u1@example.com sip:desk@127.0.0.1:9 >/dev/null
ctl bindings remove u1@example.com >/dev/null
run_sipp register -base_cseq 100

say "the changes of one AOR, the newest first"
changes() { ctl --json history "$@" | jq -r "$filter" | paste -sd' '; }
filter='.event + ":" + ([(.bindings // [])[] | .what] | join(","))'
expected='registered:registered admin:gone admin:kept,gone admin:kept,registered registered:registered account:'
[[ $(changes u1@example.com) == "$expected" ]] || fail "$(changes u1@example.com)"
[[ $(changes u1@example.com --limit 2 2>/dev/null) == 'registered:registered admin:gone' ]]
[[ $(changes u1@example.com --since 2100-01-01T00:00:00Z) == '' ]]
[[ $(changes u1@example.com --since 1h) == "$expected" ]]
ctl history u1@example.com >"$work/text"
grep -q '^  - sip:desk@127.0.0.1:9  admin' "$work/text" || fail "$(cat "$work/text")"
grep -q '^  user u1$' "$work/text"

say "what was bound at a time"
time_of() { ctl --json history u1@example.com | jq -r "select(.position == $1) | .at"; }
positions=($(ctl --json history u1@example.com | jq .position))
at() { ctl --json history u1@example.com --at "$1" | jq -c '[.version, (.bindings | length)]'; }
[[ $(at "$(time_of "${positions[3]}")") == "[${positions[3]},2]" ]]
[[ $(at "$(time_of "${positions[1]}")") == "[${positions[1]},0]" ]]
[[ $(at 2100-01-01T00:00:00Z) == "[${positions[0]},0]" ]] # expired by then
exits() { local want=$1 is=0; shift; "$@" >/dev/null 2>"$work/said" || is=$?; [[ $is == "$want" ]] || fail "$is: $*"; }
exits 3 ctl history u1@example.com --at '2001-01-01 00:00'
grep -q 'Not Known: the log begins at 20' "$work/said"
exits 2 ctl history u1@example.com --at yesterday
exits 2 ctl history
exits 3 ctl watch --from 999999
[[ $(TZ=Etc/GMT-5 "$MUSTERCTL" --socket "$work/musterd.sock" --json history u1@example.com --at '2030-01-01 05:00' |
    jq -r .at) == 2030-01-01T00:00:00.000Z ]]

say "an account that is gone has its history; export has all, without hashes"
ctl accounts remove u2@example.com >/dev/null
filter='.event + ":" + ([(.bindings // [])[] | .why // .what] | join(","))'
expected='account-removed:account-removed,account-removed account-removed: registered:kept,registered'
expected+=' registered:registered account:'
[[ $(changes u2@example.com) == "$expected" ]] || fail "$(changes u2@example.com)"
ctl --json history export >"$work/export"
jq -s -e '[.[].position] | . == (sort | unique) and length > 10' "$work/export" >/dev/null
! grep -qiE 'ha1|[0-9a-f]{32}' "$work/export" || fail "a hash"
[[ $(ctl --json history export --aor u1@example.com | wc -l) == 6 ]]

say "a snapshot and what follows"
add_account u2 pw
call() { curl -sN --unix-socket "$work/musterd.sock" "http://localhost$1" "${@:2}"; }
snapshot=$(call /v1/bindings | jq .position)
setpriv --pdeathsig KILL "$MUSTERCTL" --socket "$work/musterd.sock" --json watch --from "$snapshot" >"$work/watched" 2>&1 &
children+=($!)
watched_is() { [[ $(jq -c .position "$work/watched" | paste -sd' ') == "$1" ]]; }
run_sipp register -base_cseq 200
newest=$(ctl --json status | jq .position)
followed=$(seq -s' ' $((snapshot + 1)) "$newest")
within 10 watched_is "$followed" || fail "$(cat "$work/watched")"
end_musterd KILL
start_musterd
ctl bindings remove u3@example.com >/dev/null
within 10 watched_is "$followed $((newest + 1))" || fail "after a restart: $(cat "$work/watched")"

say "of one AOR, and by HTTP"
{ timeout 2 curl -sN --unix-socket "$work/musterd.sock" 'http://localhost/v1/events?from=0&aor=u3%40example.com' || true; } >"$work/sse"
grep -q '^event: registered$' "$work/sse"
! grep -q u1@example.com "$work/sse"
[[ $(call '/v1/events?from=999999' -o /dev/null -w '%{http_code}') == 410 ]]
[[ $(call '/v1/events?from=x' -o /dev/null -w '%{http_code}') == 400 ]]
