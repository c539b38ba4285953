#!/usr/bin/env bash
# Accounts and bindings of Kamailio move in: a phone that was registered there is called here, and registers with its
# old password; what is here already stays.
source "$(dirname "$0")/lib.sh"
needs sqlite3 sipsak jq md5sum python3

md5() { printf %s "$1" | md5sum | cut -d ' ' -f 1; }
hashes() { echo "'$(md5 "$1:example.com:$2")', '$(md5 "$1@example.com:example.com:$2")'"; }

write_config
sed -i 's/algorithms: \[MD5\]/algorithms: [SHA-256, MD5]/' "$work/muster.yaml"
start_musterd
add_account here

# The columns are Kamailio's 5.6 in SQLite; so are the times, which are Julian days.
sqlite3 "$work/kamailio.sqlite" <<SQL
CREATE TABLE subscriber (id INTEGER PRIMARY KEY, username, domain, password DEFAULT '', ha1 DEFAULT '', ha1b DEFAULT '');
CREATE TABLE location (id INTEGER PRIMARY KEY, ruid, username, domain, contact, received, path, expires REAL, q REAL,
    callid, cseq, user_agent, socket, instance, reg_id);
INSERT INTO subscriber (username, domain, ha1, ha1b) VALUES
    ('alice', 'example.com', $(hashes alice old-secret)), ('here', 'example.com', $(hashes here another)),
    ('else', 'elsewhere.example', $(hashes else x));
INSERT INTO subscriber (username, domain, password) VALUES ('bob', 'example.com', 'bob-secret');
INSERT INTO location (username, domain, contact, received, expires, q, callid, cseq, user_agent, socket, instance, reg_id)
VALUES ('alice', 'example.com', 'sip:alice@10.0.0.9:5070', 'sip:127.0.0.1:5070', julianday('now', '+1 hour'), 0.7,
        'one@phone', 7, 'Old Phone', 'udp:127.0.0.1:$port', '<urn:uuid:1>', 0),
       ('bob', 'example.com', 'sip:bob@192.0.2.4', NULL, julianday('now', '-1 hour'), -1, 'two@phone', 1, '', NULL, NULL, 0),
       ('bob', 'example.com', 'sip:bob@x.invalid;transport=ws', NULL, julianday('now', '+1 hour'), -1, 'three@phone', 1, '', NULL, NULL, 0),
       ('bob', 'example.com', 'sip:bob@192.0.2.5', NULL, julianday('now', '+1 hour'), -1, 'four@phone', 1, '', NULL,
        'urn:x>"' || char(13, 10) || 'X-Injected: yes', 0),
       ('bob', 'example.com', 'sip:bob@192.0.2.6', NULL, julianday('now', '+1 hour'), -1, 'five@phone', 1,
        hex(zeroblob(2000)), NULL, NULL, 0);
INSERT INTO location (username, domain, contact, path, expires, q, callid, cseq)
VALUES ('bob', 'example.com', 'sip:bob@192.0.2.7', 'no path', julianday('now', '+1 hour'), 'nan', 'six@phone', 1);
SQL

say "a dry run changes nothing"
ctl --json import kamailio "$work/kamailio.sqlite" --dry-run >"$work/dry"
[[ $(jq -c '[.dry_run, .accounts, .accounts_kept, .bindings]' <"$work/dry") == '[true,2,1,1]' ]] || fail "$(cat "$work/dry")"
[[ $(ctl --json accounts list | wc -l) == 1 ]] || fail "accounts after a dry run"

say "accounts and bindings are taken, and what cannot be is said"
ctl --json import kamailio "$work/kamailio.sqlite" >"$work/done"
[[ $(jq -c '[.dry_run, .accounts, .accounts_kept, .bindings, .bindings_kept]' <"$work/done") == '[false,2,1,1,0]' ]] || fail "$(cat "$work/done")"
[[ $(jq '.left_out | map(.count) | add' <"$work/done") == 6 ]] || fail "$(cat "$work/done")"
grep -q 'example.com: 1 accounts have MD5 hashes alone' "$work/done" || fail "$(cat "$work/done")"
shown=$(ctl --json bindings show alice@example.com)
[[ $(jq -c '.bindings[0] | [.contact, .source, .q, .cseq, .user_agent, .instance, .nat]' <<<"$shown") == \
    '["sip:alice@10.0.0.9:5070","udp:127.0.0.1:5070","0.7",7,"Old Phone","urn:uuid:1",true]' ]] || fail "$shown"
(($(jq '.bindings[0].expires' <<<"$shown") > 3500)) || fail "$shown"

say "the phone registers with its old password: it is offered MD5 alone"
offers() { # what alice is challenged with
    PYTHONPATH=$wire/attacks python3 -c 'import sys, sip
answer = sip.Udp(int(sys.argv[1])).ask(sip.request("REGISTER", "sip:example.com", "127.0.0.1", "alice")).decode()
print(*(line.split("algorithm=")[1].split(",")[0] for line in answer.splitlines() if "algorithm=" in line))' "$port"
}
[[ $(offers) == MD5 ]] || fail "offered $(offers)"
sipsak -U -u alice -C sip:alice@127.0.0.1:5099 -s "sip:alice@127.0.0.1:$port" -H 127.0.0.1 -a old-secret -x 3600 -i -vv \
    >"$work/phone" 2>&1 || fail "$(cat "$work/phone")"

say "once the password is set anew it has all hashes"
echo new-secret | ctl accounts passwd alice@example.com --password-stdin
[[ $(offers) == "SHA-256 MD5" ]] || fail "offered $(offers)"

say "once more: nothing is overwritten"
ctl --json import kamailio "$work/kamailio.sqlite" >"$work/again"
[[ $(jq -c '[.accounts, .accounts_kept, .bindings, .bindings_kept]' <"$work/again") == '[0,3,0,1]' ]] || fail "$(cat "$work/again")"

say "a dump does as well; what is none is named"
sqlite3 "$work/kamailio.sqlite" .dump | ctl --json import opensips - >"$work/dump"
[[ $(jq .accounts_kept <"$work/dump") == 3 ]] || fail "$(cat "$work/dump")"
status=0
ctl import kamailio "$work/muster.yaml" >"$work/out" 2>&1 || status=$?
[[ $status == 1 ]] && grep -q 'neither a table' "$work/out" || fail "exit status $status: $(cat "$work/out")"
status=0
ctl import asterisk "$work/kamailio.sqlite" >"$work/out" 2>&1 || status=$?
[[ $status == 2 ]] || fail "exit status $status: $(cat "$work/out")"
end_musterd TERM
[[ $ended == 0 ]] || fail "exit status $ended"
