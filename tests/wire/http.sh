#!/usr/bin/env bash
# The administrators' HTTP over TCP as curl and musterctl see it: what is open, what needs the token, and the audit log.
source "$(dirname "$0")/lib.sh"
needs jq curl openssl

web=$(free_port)
write_config
make_certificate admin
token=$(openssl rand -hex 32)
(umask 077; echo "$token" >"$work/admin.token")
add_http() { # add_http ADDRESS [KEY: VALUE]…
    sed -i '/^  http:/,/^workers/{/^workers/!d}' "$work/muster.yaml"
    local lines="  http: $1:$web" each
    for each in "${@:2}"; do lines+="\\n  $each"; done
    sed -i "s|^workers|$lines\n&|" "$work/muster.yaml"
}
status() { curl -sk -m 10 -o "$work/body" -w '%{http_code}' "$@" || true; }
expect() { # expect STATUS CURL-ARGUMENT…
    local got
    got=$(status "${@:2}")
    [[ $got == "$1" ]] || fail "curl ${*:2}: $got, not $1: $(cat "$work/body")"
}

say "a listener for all without TLS and token is a fault of the configuration"
add_http 0.0.0.0
! "$MUSTERD" --config "$work/muster.yaml" --check 2>"$work/out"
grep -q 'admin.http: 0.0.0.0:.* is not loopback; expected admin.certificate, admin.key and admin.token_file' "$work/out" ||
    fail "$(cat "$work/out")"
say "so is a token that everybody can read"
chmod 644 "$work/admin.token"
add_http 127.0.0.1 "token_file: admin.token"
! "$MUSTERD" --config "$work/muster.yaml" --check 2>"$work/out"
grep -q 'is open to everybody' "$work/out" || fail "$(cat "$work/out")"
chmod 600 "$work/admin.token"

say "on loopback"
start_musterd
at=http://127.0.0.1:$web
expect 401 "$at/v1/status"
grep -q 'urn:muster:problem' "$work/body" || fail "no problem object: $(cat "$work/body")"
expect 401 -H 'Authorization: Bearer wrong' "$at/v1/status"
expect 200 -H "Authorization: Bearer $token" "$at/v1/status"
expect 421 -H 'Host: evil.example' -H "Authorization: Bearer $token" "$at/v1/status"
expect 403 -X POST -H 'Origin: http://evil.example' -H "Authorization: Bearer $token" "$at/v1/config/reload"
expect 401 -X POST -T /dev/zero "$at/v1/accounts/import"
"$MUSTERCTL" --url "$at" --token-file "$work/admin.token" --json status | jq -e .ready >/dev/null

add_account alice
ctl bindings add alice@example.com sip:alice@192.0.2.1 >/dev/null
expect 400 -X DELETE -H "Authorization: Bearer $token" -H 'If-Match: "1"' "$at/v1/accounts/alice@example.com"
expect 404 -X DELETE -H "Authorization: Bearer $token" "$at/v1/accounts/nobody@example.com"

say "a version decides"
etag=$(curl -si -m 10 -H "Authorization: Bearer $token" "$at/v1/bindings/alice@example.com" | sed -n 's/^ETag: //p' | tr -d '\r')
expect 412 -X PUT -H "Authorization: Bearer $token" -H 'If-Match: "1"' "$at/v1/bindings/alice@example.com?uri=sip:b@192.0.2.2"
expect 200 -X PUT -H "Authorization: Bearer $token" -H "If-Match: $etag" "$at/v1/bindings/alice@example.com?uri=sip:b@192.0.2.2"
expect 412 -X DELETE -H "Authorization: Bearer $token" -H "If-Match: $etag" "$at/v1/bindings/alice@example.com"
ended=0
ctl bindings remove alice@example.com --if-version 1 >/dev/null 2>&1 || ended=$?
((ended == 5)) || fail "exit code $ended"

say "what was changed, by whom, and no password"
within 10 grep -q "audit command=\"bindings add\" by=\"uid $(id -u)\" result=done status=200 aor=\"alice@example.com\"" "$work/log" ||
    fail "no audit line"
ctl log level warning >/dev/null
[[ $(ctl --json log level) == '{"level":"warning"}' ]]
ctl log level info >/dev/null
within 10 grep -q 'audit command="log level" by="uid [0-9]*" result=done status=200 level="info"' "$work/log"
if grep -q 'audit command="log show"' "$work/log"; then fail "showing is no change"; fi
within 10 grep -q 'audit command="accounts remove" by="127.0.0.1:[0-9]*" result=refused status=404 aor="nobody@example.com"' "$work/log" || fail "no line of a refusal"
! grep -q 'alice-secret\|command="status"' "$work/log"

say "a reload takes another token"
openssl rand -hex 32 >"$work/admin.token"
ctl config reload
expect 401 -H "Authorization: Bearer $token" "$at/v1/status"
token=$(cat "$work/admin.token")
expect 200 -H "Authorization: Bearer $token" "$at/v1/status"
end_musterd TERM

say "elsewhere, with TLS"
add_http 0.0.0.0 "token_file: admin.token" "certificate: admin.pem" "key: admin.key"
start_musterd
at=https://localhost:$web
expect 401 "$at/metrics"
expect 401 "$at/"
expect 200 -H "Authorization: Bearer $token" "$at/v1/domains"
expect 000 "http://localhost:$web/v1/domains"
"$MUSTERCTL" --url "$at" --token-file "$work/admin.token" --ca "$work/admin.pem" bindings count >/dev/null
ended=0
"$MUSTERCTL" --url "$at" --token-file "$work/admin.token" status >/dev/null 2>&1 || ended=$?
((ended == 4)) || fail "a certificate that nobody vouches for: exit code $ended"
