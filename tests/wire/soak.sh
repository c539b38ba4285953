#!/usr/bin/env bash
# soak.sh HOURS: phones that come, stay, refresh and go, with guesses, rubbish and streams half open all the while. Memory and
# descriptors must stay flat.
# Samples are in build/soak.csv.
source "$(dirname "$0")/lib.sh"
needs sipp jq awk python3

samples=$wire/../../build/soak.csv
end=$(($(date +%s) + $(awk "BEGIN {print int($1 * 3600)}")))
most_growth_kb=65536

sample() {
    local rss descriptors
    rss=$(awk '/^VmRSS/ {print $2}' "/proc/$daemon/status")
    descriptors=$(find "/proc/$daemon/fd" -mindepth 1 2>/dev/null | wc -l) || true
    echo "$(date +%s),$rss,$descriptors,$(ctl --json bindings count | jq .bindings)" >>"$samples"
}
write_config
start_musterd
add_users 2000
echo "time,rss_kb,descriptors,bindings" >"$samples"
phones=$(free_port)
python3 "$wire/attacks/noise.py" "$port" "$wire/../data/torture" 1000000 /dev/null >"$work/noise" 2>&1 &
noise=$!
children+=("$noise")
for ((round = 1; $(date +%s) < end || round <= 3; round++)); do
    transport=$([[ $((round % 2)) == 0 ]] && echo t1 || echo u1)
    run_sipp register -p "$phones" -r 400 -l 400 -base_cseq $((round * 100))
    run_sipp query -t "$transport" -r 400 -l 400 -base_cseq $((round * 100))
    ((round % 5 != 0)) || run_sipp unregister -p "$phones" -r 400 -l 400 -base_cseq $((round * 100))
    sample
done

kill -TERM "$noise" 2>/dev/null || fail "the noise fell silent: $(cat "$work/noise")"
wait "$noise" || true
# The first three rounds fill caches and rings; what counts is growth after them.
read -r growth more rounds < <(awk -F, '
    NR == 4 {rss = $2; fds = $3} NR >= 4 {if ($2 > top) top = $2; if ($3 > most) most = $3}
    END {print top - rss, most - fds, NR - 1}' "$samples")
say "$rounds rounds; after the third one $growth kB and $more descriptors more"
((growth <= most_growth_kb && more <= 50)) || fail "it grows"
end_musterd TERM
[[ $ended == 0 ]] || fail "exit status $ended"
