#!/usr/bin/env bash
# A backup made under load holds all that was acknowledged before it began; db check tells a sound file from a damaged one.
source "$(dirname "$0")/lib.sh"
needs sipp jq sqlite3

users=2000
write_config
start_musterd
add_users "$users"
exit_of() { # exit_of COMMAND…: its exit status is in $status, what it wrote in $work/out
    status=0
    "$@" >"$work/out" 2>&1 || status=$?
}
expect() { [[ $status == "$1" ]] || fail "exit status $status, not $1: $(cat "$work/out")"; }

touch "$work/acknowledged"
(cd "$work" && exec sipp "127.0.0.1:$port" -sf "$wire/sipp/register.xml" -inf users.csv -m "$users" -r 500 -l 100 \
    -i 127.0.0.1 -p "$(free_port)" -nostdin -trace_logs -log_file acknowledged >sipp.out 2>&1) &
load=$!
children+=("$load")
some_acknowledged() { (($(wc -l <"$work/acknowledged") >= users / 5)); }
within 30 some_acknowledged || fail "sipp's load never came up"

say "a backup and a check in the middle of a load"
sort -u "$work/acknowledged" >"$work/promised"
cd "$work"
exit_of ctl db backup copy.db
expect 0
((($(sort -u "$work/acknowledged" | wc -l)) < users)) || fail "the load was over before the backup was"
[[ $(stat -c %a "$work/copy.db") == 600 ]]
exit_of ctl --json db check
expect 0
jq -e '.sound and .keys > 400' "$work/out" >/dev/null
wait "$load"

say "a file that is there is not overwritten; what cannot be written leaves nothing"
before=$(sha256sum <"$work/copy.db")
exit_of ctl db backup "$work/copy.db"
expect 5
[[ $(sha256sum <"$work/copy.db") == "$before" ]]
exit_of ctl db backup "$work/no/such/folder.db"
expect 1
grep -q "No such file or directory" "$work/out"
if mkdir "$work/disk" && mount -t tmpfs -o size=200k muster-wire "$work/disk" 2>/dev/null; then
    exit_of ctl db backup "$work/disk/copy.db"
    expect 1
    grep -q "full" "$work/out" || fail "not in words: $(cat "$work/out")"
    [[ -z $(ls "$work/disk") ]] || fail "left behind: $(ls "$work/disk")"
fi

say "the daemon's own file is checked beside it, the copy without it; neither is changed"
exit_of ctl db check "$store"
expect 0
exit_of "$MUSTERCTL" db check "$work/copy.db"
expect 0
[[ $(sha256sum <"$work/copy.db") == "$before" ]]
! compgen -G "$work/copy.db?*" || fail "a file was made beside the copy"
exit_of "$MUSTERCTL" db check "$work/nowhere.db"
expect 3

say "a second daemon on the copy has all that was acknowledged before the backup began"
end_musterd KILL
mv "$store" "$work/original.db"
rm -f "$store"-*
cp "$work/copy.db" "$store"
start_musterd
bound_users >"$work/found"
lost=$(comm -23 "$work/promised" "$work/found")
[[ -z $lost ]] || fail "not in the backup: $(head -n 5 <<<"$lost" | tr '\n' ' ')"
say "$(wc -l <"$work/found") bound, $(wc -l <"$work/promised") promised"

say "a digit that flips costs its key alone, and is told"
victim=$(head -n 1 "$work/promised")
end_musterd TERM
sqlite3 "$store" "UPDATE log SET record = replace(record, '127', '128') WHERE kind = 1 AND key = 'sip:$victim@example.com'"
exit_of "$MUSTERCTL" --json db check "$store"
expect 1
[[ $(jq -r '.damaged[] | select(.fate == "newest") | .key' "$work/out") == "sip:$victim@example.com" ]]
start_musterd
[[ $(ctl --json status | jq .store.quarantined) -ge 1 ]]
grep -q "result=quarantined kind=bindings .*lost=yes key=\"sip:$victim@example.com\"" "$work/log"
[[ $(bindings_of "$victim") == 0 ]]
[[ $(bound_users | wc -l) == $(($(wc -l <"$work/found") - 1)) ]]
exit_of ctl db check
expect 0
