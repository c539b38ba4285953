#!/usr/bin/env bash
# kill -9 in the middle of 3,000 registrations: whoever was acknowledged is bound after the restart.
source "$(dirname "$0")/lib.sh"
needs sipp jq

users=3000
write_config
start_musterd
add_users "$users"
touch "$work/acknowledged"
acknowledged() { sort -u "$work/acknowledged"; }
some_acknowledged() { (($(acknowledged | wc -l) >= users / 6)); }

(cd "$work" && exec sipp "127.0.0.1:$port" -sf "$wire/sipp/register.xml" -inf users.csv -m "$users" -r 1000 -l 200 \
    -i 127.0.0.1 -p "$(free_port)" -nostdin -trace_logs -log_file acknowledged >sipp.out 2>&1) &
load=$!
children+=("$load")
within 30 some_acknowledged || { tail -n 30 "$work/sipp.out"; fail "sipp's load never came up"; }
end_musterd KILL
[[ $ended == 137 ]]
# What waited in sipp's socket still counts as acknowledged; then it is told to stop.
sleep 1
kill -TERM "$load"
wait "$load" || true

acknowledged >"$work/promised"
promised=$(wc -l <"$work/promised")
say "$promised of $users acknowledged before the kill"
((promised >= users / 6 && promised < users)) || fail "the kill was not in the middle of the load"

start_musterd
bound_users >"$work/found"
lost=$(comm -23 "$work/promised" "$work/found")
[[ -z $lost ]] || fail "acknowledged, but lost: $(head -n 5 <<<"$lost" | tr '\n' ' ')"
say "$(wc -l <"$work/found") bound after the restart, none lost"
[[ $(bindings_of "$(head -n 1 "$work/promised")") == 1 ]]

say "and everybody can register again"
run_sipp register -r 1000 -l 200 -base_cseq 100
[[ $(bound_users | wc -l) == "$users" ]]
