#!/usr/bin/env bash
# Certificates are exchanged under load, in each way there is: no registration fails, whoever connects next is shown the new
# one, and one that is broken leaves the old one in its place.
source "$(dirname "$0")/lib.sh"
needs python3 openssl jq

# uses NAME: its files take the place of those that the configuration names, first the certificate, then the key.
uses() {
    local kind
    for kind in pem key; do
        cp "$work/$1.$kind" "$work/new.$kind"
        mv "$work/new.$kind" "$work/first.$kind"
    done
}
# shows TRANSPORT NAME: that is the certificate a client is given now.
shows() {
    [[ $(openssl s_client -connect "127.0.0.1:${port_of[$1]}" -servername example.com </dev/null 2>/dev/null |
        openssl x509 -noout -subject 2>/dev/null) == *"CN = $2" ]]
}
both_show() { shows tls "$1" && shows wss "$1"; }

write_config tls wss
start_musterd
add_account owner
for name in second third fourth fifth; do make_certificate "$name"; done
cp "$work/first.pem" "$work/original.pem"
cp "$work/first.key" "$work/original.key"
both_show first

say "phones register all the while, over connections that stay and over new ones"
loads=()
for how in "" --anew; do
    python3 "$wire/attacks/honest.py" --pause 0 $how owner owner-secret "$work/responses" \
        "tls:${port_of[tls]}:127.0.0.1" "wss:${port_of[wss]}:127.0.0.1" >"$work/load$how" 2>&1 &
    loads+=("$!")
done
children+=("${loads[@]}")
within 10 is_bound owner

say "musterctl config reload, thirty times"
for _ in {1..15}; do
    for name in second third; do
        uses "$name"
        ctl config reload >/dev/null
        both_show "$name" || fail "the $name certificate is not shown"
    done
done

say "SIGHUP"
uses fourth
kill -HUP "$daemon"
within 10 both_show fourth || fail "the certificate is the old one"

say "the files alone"
uses fifth
within 15 both_show fifth || fail "the certificate is the old one"

say "a certificate that is none, and a key of another one: refused, with a reason"
echo rubbish >"$work/first.pem"
! ctl config reload >"$work/told" 2>&1 || fail "config reload took rubbish"
grep -q 'first.pem' "$work/told" || fail "the file is not named: $(cat "$work/told")"
both_show fifth
cp "$work/second.pem" "$work/first.pem"
! ctl config reload >"$work/told" 2>&1 || fail "config reload took the key of another certificate"
grep -q 'first' "$work/told" || fail "the file is not named: $(cat "$work/told")"
both_show fifth
uses original
within 15 both_show first || fail "the certificate that is right again is not shown"

for load in "${loads[@]}"; do kill -TERM "$load"; done
for load in "${loads[@]}"; do wait "$load" || fail "$(cat "$work"/load*)"; done
say "$(cat "$work/load")"
say "$(cat "$work/load--anew")"
end_musterd TERM
[[ $ended == 0 ]] || fail "exit status $ended"
