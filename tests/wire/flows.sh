#!/usr/bin/env bash
# Connections as administrators see them: who is bound over which; one that is closed takes its bindings with it. And the
# bindings of many that go at once, after a question.
source "$(dirname "$0")/lib.sh"
needs jq python3 sqlite3 curl

write_config
start_musterd
add_account alice

# alice registers over TCP (RFC 5626) and says what she hears: "200", and "end" when her connection is closed. Beside her, one
# connection that says nothing.
cat >"$work/phone.py" <<'PY'
import socket, sys
import sip

port = int(sys.argv[1])
silent = socket.create_connection(("127.0.0.1", port))
phone = sip.Tcp(port)
contact = ["Supported: path, outbound",
           'Contact: <sip:alice@127.0.0.1:5099;transport=tcp>;reg-id=1;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"']
ask = lambda count, *more: phone.ask(sip.request("REGISTER", "sip:example.com", "127.0.0.1", transport="TCP", call_id="one",
                                                 cseq=count, more=contact + list(more)))
line = sip.credentials(ask(1), "alice", "alice-secret", "REGISTER", "sip:example.com")
print(sip.status(ask(2, line)), flush=True)
phone.socket.settimeout(60)
print("end" if phone.receive() == b"" else "more", flush=True)
silent.recv(1)
PY
PYTHONPATH=$wire/attacks setpriv --pdeathsig KILL python3 "$work/phone.py" "$port" >"$work/heard" 2>&1 &
children+=($!)
hears() { grep -qx "$1" "$work/heard"; }
flow_with() { ctl --json flows list | jq -r "select(.users == $1) | .id"; }
ends_with() { # ends_with STATUS COMMAND…
    local status=0
    "${@:2}" >"$work/out" 2>&1 || status=$?
    ((status == $1)) || fail "${*:2}: exit code $status, not $1: $(cat "$work/out")"
}

say "both are listed, and who is bound over one"
within 10 hears 200 || fail "$(cat "$work/heard")"
[[ $(ctl --json flows list | wc -l) == 2 ]] || fail "$(ctl flows list)"
ctl --json flows list | jq -se 'map(select(.users == 1)) | .[0] | .aors == ["sip:alice@example.com"] and .transport == "tcp"
    and .state == "open" and .opened_by == "them" and .local == "127.0.0.1:'"$port"'"' >/dev/null || fail "$(ctl --json flows list)"
ctl flows list | grep -q 'sip:alice@example.com' || fail "$(ctl flows list)"

say "page after page, and only those that are quiet"
ctl --json flows list --limit 1 >"$work/one" 2>"$work/more"
cursor=$(sed -n 's/^more: --cursor //p' "$work/more")
[[ $(cat "$work/one" <(ctl --json flows list --cursor "$cursor") | jq -r .id | sort -u | wc -l) == 2 ]] || fail "cursor $cursor"
[[ -z $(ctl --json flows list --idle 1h) ]] || fail "$(ctl flows list --idle 1h)"
ends_with 2 ctl flows list --cursor x
ends_with 2 ctl flows list --idle soon

say "one is closed: its end hears of it, and what was bound over it is gone"
id=$(flow_with 1)
ends_with 3 ctl flows close 0-0-0
ends_with 3 ctl flows close x
ctl flows close "$id"
within 5 hears end || fail "$(cat "$work/heard")"
within 5 is_gone alice || fail "alice is still bound"
ends_with 3 ctl flows close "$id"
[[ $(ctl --json flows list | jq .users) == 0 ]] || fail "$(ctl flows list)"
grep -q 'audit command="flows close" by="uid [0-9]*" result=done' "$work/log" || fail "no audit of it"

say "the bindings of many: first how many, then they go"
{
    echo "CREATE TABLE subscriber (username, domain, password); CREATE TABLE location (username, domain, contact, expires REAL);"
    for ((i = 1; i <= 2500; i++)); do
        echo "INSERT INTO subscriber VALUES ('u$i', 'example.com', 'pw');"
        echo "INSERT INTO location VALUES ('u$i', 'example.com', 'sip:u$i@192.0.2.4', julianday('now', '+1 hour'));"
    done
} | sed '1s/^/BEGIN;/; $s/$/ COMMIT;/' | sqlite3 "$work/many.sqlite"
ctl import kamailio "$work/many.sqlite" >/dev/null
count_is 2500 || fail "$(ctl bindings count)"
for by in domain:example.com transport:none ua:; do
    [[ $(ctl --json bindings count --by "${by%:*}" | jq -c .by) == '[{"name":"'"${by#*:}"'","bindings":2500}]' ]] ||
        fail "$(ctl bindings count --by "${by%:*}")"
done
ends_with 2 ctl bindings clear
ends_with 2 ctl bindings clear --match 'u1*@*'
grep -q 'takes 1111 bindings of 1111 ' "$work/out" || fail "$(cat "$work/out")"
count_is 2500 || fail "gone without being sure"
ctl --json bindings clear --match 'u1*@*' --yes >"$work/out"
[[ $(jq -c . <"$work/out") == '{"aors":1111,"bindings":1111}' ]] || fail "$(cat "$work/out")"
count_is 1389 || fail "$(ctl bindings count)"
for other in --domain=example.org '--match=s*' '--match=sip:s*' '--match=?*@example.org'; do
    ctl bindings clear "$other" --yes >/dev/null
    count_is 1389 || fail "$other took others"
done
[[ $(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$work/musterd.sock" -X DELETE \
    'http://localhost/v1/bindings?match=*&yes=false') == 428 ]] || fail "false is taken for yes"
ctl bindings clear --match 'sip:u2@Example.COM' --yes >/dev/null
count_is 1388 || fail "a host in other letters: $(ctl bindings count)"

say "what is left of a domain that is served no more can go too"
cp "$work/muster.yaml" "$work/before.yaml"
sed -i 's/^  example.com:/  example.net:/' "$work/muster.yaml"
ctl config reload >/dev/null
ctl --json bindings remove u3@example.com >/dev/null
count_is 1387 || fail "$(ctl bindings count)"
ctl bindings clear --match 'u4*@example.com' --yes >/dev/null
count_is 1276 || fail "$(ctl bindings count)"
cp "$work/before.yaml" "$work/muster.yaml"
ctl config reload >/dev/null
ctl bindings clear --domain LOCALHOST --yes >/dev/null  # an alias
count_is 0 || fail "$(ctl bindings count)"

say "they are gone for good"
end_musterd KILL
start_musterd
count_is 0 || fail "$(ctl bindings count) after a kill"
[[ $(ctl --json accounts list | wc -l) == 2501 ]] || fail "accounts"
