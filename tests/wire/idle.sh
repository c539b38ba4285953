#!/usr/bin/env bash
# idle.sh [COUNT]: so many phones (2,000) that have registered over TLS and are silent cost at most 34 kB of memory each, so
# that 10,000 take less than 400 MB with all else. Meanwhile 2,000 others never get to a request; they are gone after 30 s, and
# who is honest does not notice.
source "$(dirname "$0")/lib.sh"
needs python3 openssl jq

count=${1:-2000}
half_open=2000
most_kb_each=34
ulimit -Sn "$(ulimit -Hn)"
[[ $(ulimit -n) == unlimited ]] || (($(ulimit -n) > count + half_open + 500)) || skip "only $(ulimit -n) descriptors"
rss() { awk '/^VmRSS/ {print $2}' "/proc/$daemon/status"; }

write_config tls ws
echo "limits: {connections: $((count + half_open + 500))}" >>"$work/muster.yaml"
start_musterd
add_account owner
add_users "$count"
before=$(rss)
mkfifo "$work/end"
python3 "$wire/attacks/idle.py" "${port_of[tls]}" "$count" <"$work/end" >"$work/idle" 2>&1 &
idle=$!
children+=("$idle")
exec 9>"$work/end"
within 300 test -s "$work/idle" || fail "the phones do not come to an end"
kill -0 "$idle" 2>/dev/null || fail "$(cat "$work/idle")"
say "$(cat "$work/idle")"
after=$(rss)
say "$before kB before, $after kB with them: $(((after - before) / count)) kB each"
((after - before <= count * most_kb_each)) || fail "too much memory"

python3 "$wire/attacks/honest.py" --pause 1 --anew owner owner-secret "$work/responses" "udp:$port:127.0.0.2" \
    "tcp:$port:127.0.0.3" "tls:${port_of[tls]}:127.0.0.3" "ws:${port_of[ws]}:127.0.0.3" >"$work/honest" 2>&1 &
honest=$!
children+=("$honest")
python3 "$wire/attacks/half_open.py" "${port_of[tls]}" "${port_of[ws]}" "$half_open" >"$work/half_open" 2>&1 ||
    fail "$(cat "$work/half_open")"
say "$(cat "$work/half_open")"
kill -TERM "$honest"
wait "$honest" || fail "$(cat "$work/honest")"
say "$(cat "$work/honest")"
exec 9>&-
wait "$idle" || fail "$(cat "$work/idle")"
end_musterd TERM
[[ $ended == 0 ]] || fail "exit status $ended"
