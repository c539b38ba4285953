#!/usr/bin/env bash
# A second daemon on the same port fails with exit code 1 and takes nothing from the first; so does one on the same database.
source "$(dirname "$0")/lib.sh"
needs sipp jq

write_config
start_musterd
add_users 20

other() { # other FILE: runs it to its end
    status=0
    timeout 20 "$MUSTERD" --config "$1" >"$work/other.log" 2>&1 || status=$?
}
say "same port"
sed "s|$store|$work/other.db|; s|$work/musterd.sock|$work/other.sock|" "$work/muster.yaml" >"$work/port.yaml"
other "$work/port.yaml"
[[ $status == 1 ]] || fail "exit status $status: $(cat "$work/other.log")"
grep -q "$port" "$work/other.log"

say "same database"
sed "s|127.0.0.1:$port|127.0.0.1:$(free_port)|; s|$work/musterd.sock|$work/other.sock|" "$work/muster.yaml" >"$work/store.yaml"
other "$work/store.yaml"
[[ $status == 1 ]] || fail "exit status $status: $(cat "$work/other.log")"
grep -q "$store" "$work/other.log"

say "the first one serves everybody"
run_sipp register -r 200
count_is 20
