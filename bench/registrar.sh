#!/usr/bin/env bash
# A whole registrar under load: USERS phones (default 100000) register with digest over UDP against a real musterd on a
# temporary database, every answer checked by sipp; then the CPU time the daemon took for each. RATE: calls a second.
source "$(dirname "$0")/../tests/wire/lib.sh"
needs sipp jq

users=${USERS:-100000}
rate=${RATE:-4000}
write_config
start_musterd
add_users "$users"
cpu_seconds() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15) / hz}' "/proc/$daemon/stat"; }
before=$(cpu_seconds)
began=$SECONDS
(cd "$work" && exec sipp "127.0.0.1:$port" -sf "$wire/sipp/register.xml" -inf users.csv -m "$users" -r "$rate" -l 2000 \
    -i 127.0.0.1 -p "$(free_port)" -nostdin -trace_err -error_file sipp.err >sipp.out 2>&1) ||
    { tail -n 20 "$work/sipp.err" "$work/sipp.out"; fail "an answer was wrong or missing"; }
count_is "$users" || fail "not everybody is bound"
jq -n --argjson users "$users" --argjson cpu "$(awk "BEGIN {print $(cpu_seconds) - $before}")" \
    --argjson seconds "$((SECONDS - began))" --argjson store "$(ctl --json status | jq .store)" \
    '{registrations: $users, wrong_or_missing: 0, seconds: $seconds, cpu_us_each: ($cpu * 1000000 / $users | round),
      changes_a_commit: ($store.changes / $store.batches | round)}'
