#!/usr/bin/env bash
# Everything at once that is known to be tried against SIP servers, against one daemon: scanners, guesses, hostile streams,
# datagrams that want large answers, noise. The owner of an account registers all the while, from another address; the
# daemon does not grow; and no secret is in its log or in what musterctl prints.
source "$(dirname "$0")/lib.sh"
needs svmap svwar svcrack python3 openssl sqlite3 jq

most_growth_kb=65536
torture=$wire/../data/torture
passwords=(owner-secret hundred-secret import-one import-two import-three config-secret)
attack() { timeout 120 python3 "$wire/attacks/$1.py" "${@:2}"; }
rss() { awk '/^VmRSS/ {print $2}' "/proc/$daemon/status"; }
request_count() { ctl --json status | jq ".requests.$1"; }
# scan PROGRAM OPTION…: one of sipvicious; what it found is in $work/scan. It writes where it stands.
scan() {
    local program=$1
    shift
    (cd "$work" && timeout 30 "$program" -p "$port" -P "$(free_port)" -x 127.0.0.1 "$@" 127.0.0.1 >scan 2>&1) || true
}

write_config tls ws wss
sed -i "s|^  - ws: .*|&\n    origins: [https://phone.example.com]|" "$work/muster.yaml"
start_musterd
add_account owner
add_account 100 hundred-secret
touch "$work/responses"
python3 "$wire/attacks/honest.py" owner owner-secret "$work/responses" "udp:$port:127.0.0.2" "tcp:$port:127.0.0.3" \
    "tls:${port_of[tls]}:127.0.0.6" "wss:${port_of[wss]}:127.0.0.7" >"$work/honest" 2>&1 &
honest=$!
children+=("$honest")
within 20 is_bound owner || fail "the owner cannot register"
before=$(rss)

say "svmap learns that there is something, and not what"
for _ in 1 2 3; do  # it asks once
    scan svmap
    [[ ! -s $work/scan ]] || break
done
grep -q "127.0.0.1:$port *| unknown" "$work/scan" || fail "svmap: $(cat "$work/scan")"

say "svwar cannot tell the extension that exists from others"
for method in REGISTER OPTIONS INVITE; do
    for force in "" --force; do
        scan svwar -m "$method" -e 95-105 $force
        grep -q "found nothing" "$work/scan" || fail "svwar -m $method $force: $(cat "$work/scan")"
    done
done

say "svcrack does not get as far as the right password"
{ seq -f 'wrong-%.0f' 20; echo hundred-secret; seq -f 'wrong-%.0f' 21 40; } >"$work/dictionary"
scan svcrack -u 100 -d dictionary
! grep -q 'hundred-secret' "$work/scan" || fail "svcrack: $(cat "$work/scan")"
throttled=$(request_count throttled)
((throttled > 0)) || fail "nobody was throttled"

say "streams, datagrams and noise"
(ulimit -n 4096 2>/dev/null; attack streams "$port") &
streams=$!
attack upgrades "${port_of[tls]}" "${port_of[ws]}" "${port_of[wss]}" &
upgrades=$!
children+=("$streams" "$upgrades")
attack datagrams "$port" "$torture"
attack noise "$port" "$torture" 10 "$work/responses"
wait "$streams"
wait "$upgrades"

say "a client that wants to renegotiate is told no"
(sleep 1; echo R; sleep 2) | openssl s_client -tls1_2 -connect "127.0.0.1:${port_of[tls]}" >"$work/again" 2>&1 || true
grep -q RENEGOTIATING "$work/again" && grep -qi 'no renegotiation' "$work/again" || fail "$(tail -n 5 "$work/again")"
is_told() { grep 'connection result=closed' "$work/log" | grep -q "$1"; }
within 5 is_told 'src=tls.* subject="renegotiation"' || fail "no reason in the log for the end of a renegotiation"

say "why a WebSocket was closed stands in the log"
is_told_of() {  # NAME REASON: twenty a second are told, so it may go under while others are closed
    attack upgrades "${port_of[tls]}" "${port_of[ws]}" "${port_of[wss]}" "$1" >/dev/null
    is_told "$2"
}
within 15 is_told_of "a byte too much" ' in a Frame"' || fail "no reason in the log for what is no message"
within 15 is_told_of "no mask" 'rule="WebSocket"' || fail "no reason in the log for a broken frame"
after=$(rss)
say "$throttled guesses of svcrack were not heard; $before kB before, $after kB after"
((after - before <= most_growth_kb)) || fail "it grew by $((after - before)) kB"
kill -TERM "$honest"
wait "$honest" || fail "$(cat "$work/honest")"
say "$(cat "$work/honest")"

say "no secret in the log, nor in what musterctl prints"
{
    ctl accounts import - <<<'imported@example.com,import-one' || true
    ctl accounts import - <<<'owner@example.com,import-two' || true
    ctl accounts import - <<<'not-an-account;import-three' || true
    for json in "" --json; do
        ctl $json status
        ctl $json domains list
        ctl $json accounts list
        ctl $json bindings list
        ctl $json bindings show owner@example.com
        ctl $json lookup owner@example.com || true
    done
    sed 's/^admin:/&\n  password: config-secret/' "$work/muster.yaml" >"$work/bad.yaml"
    "$MUSTERD" --config "$work/bad.yaml" || true
    cp "$work/bad.yaml" "$work/muster.yaml"
    ctl config reload || true
} >"$work/printed" 2>&1
grep -q 'password' "$work/printed" || fail "the wrong key was not named: $(cat "$work/printed")"
{
    printf '%s\n' "${passwords[@]}"
    for account in owner:owner-secret 100:hundred-secret imported:import-one; do
        printf '%s:example.com:%s' "${account%%:*}" "${account#*:}" | tee >(md5sum >&3) | sha256sum
    done 3>&1 | cut -d ' ' -f 1
    cat "$work/responses"
    # The middle of each key of the server's own, which is kept in hexadecimal digits.
    sqlite3 -readonly "$store" 'SELECT substr(record, 17, 32) FROM state WHERE kind = 3'
} | sort -u >"$work/secrets"
(($(wc -l <"$work/secrets") >= 20)) || fail "which secrets?"
! grep -aiFf "$work/secrets" "$work/log" "$work/printed" >"$work/leaks" || fail "$(head -n 5 "$work/leaks")"
end_musterd TERM
[[ $ended == 0 ]] || fail "exit status $ended"
