#!/usr/bin/env bash
# sipp over UDP and TCP: the flows of RFC 3665 s2 by fifty users each.
source "$(dirname "$0")/lib.sh"
needs sipp jq

write_config
start_musterd
add_users 50
for transport in u1 t1; do
    say "transport $transport: register"
    local_port=$(free_port)
    run_sipp register -t "$transport" -p "$local_port" -r 200
    count_is 50
    say "a wrong password is challenged again and changes nothing"
    run_sipp wrong -t "$transport" -r 200
    count_is 50
    say "refresh: the same contact, the same Call-ID, a higher CSeq"
    run_sipp register -t "$transport" -p "$local_port" -r 200 -base_cseq 100
    count_is 50
    say "query"
    run_sipp query -t "$transport" -r 200
    count_is 50
    say "unregister"
    run_sipp unregister -t "$transport" -p "$local_port" -r 200
    count_is 0
done
