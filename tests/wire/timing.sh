#!/usr/bin/env bash
# timing.sh [COUNT]: whether time tells a user that exists from one that does not, with nobody throttled; for each algorithm.
# A measurement, on a machine that has nothing else to do: ./dev timing.
source "$(dirname "$0")/lib.sh"
needs python3 jq

for algorithm in MD5 SHA-256; do
    write_config
    sed -i "s/algorithms: .*/algorithms: [$algorithm]}/" "$work/muster.yaml"
    echo 'limits: {guesses: 0, guesses_of_source: 0}' >>"$work/muster.yaml"
    start_musterd
    for user in {1..100}; do echo "other$user@example.com,pw"; done | ctl accounts import - >/dev/null
    add_account somebody
    say "$algorithm: $(timeout 300 python3 "$wire/attacks/timing.py" "$port" "${1:-10000}" somebody)"
    end_musterd TERM
    rm -f "$store"*
done
