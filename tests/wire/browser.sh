#!/usr/bin/env bash
# Phones in browser pages, by JsSIP over ws and wss: they register, call each other and phones on UDP and TCP, and are called;
# what becomes of who calls them when a page is closed or the browser dies.
source "$(dirname "$0")/lib.sh"
source "$wire/phones.sh"
source "$wire/pages.sh"
needs chromium sipp openssl pgrep jq
needs_javascript

# answered_by USER PAGE: the page of USER is called by PAGE, and both talk.
talk() {
    shows "$2" call "$1 calls"
    page click "$2" answer
    for each in "$1" "$2"; do shows "$each" call talking; done
    calls_are answered $((answered += 1))
}

write_config ws wss
sed -i "s|^  - ws: .*|&\n    origins: [http://127.0.0.1:$page_port]|" "$work/muster.yaml"
start_musterd
for user in alice bob carol; do add_account "$user"; done
start_browser
answered=0
for scheme in ws wss; do
    server=$scheme://127.0.0.1:${port_of[$scheme]}
    say "$scheme: two pages register"
    for user in alice bob; do
        page open "$user" "$server"
        shows "$user" registration registered
        is_bound "$user" || fail "$user's page says registered, and is not"
    done
    [[ $(ctl --json bindings show alice@example.com | jq -r '.bindings[0].contact') == *.invalid\;transport=ws* ]]

    say "$scheme: they call each other, and either hangs up"
    page dial alice bob
    talk alice bob
    page click alice hangup
    for user in alice bob; do shows "$user" call ended; done
    page dial bob alice
    talk bob alice
    page click alice hangup
    for user in alice bob; do shows "$user" call ended; done

    say "$scheme: one rejects, one gives up"
    page dial alice bob
    shows bob call "alice calls"
    page click bob hangup
    shows alice call "failed: 480 *"
    page dial alice bob
    shows bob call "alice calls"
    shows alice call ringing
    page click alice hangup
    shows bob call "failed: *Canceled"
    shows alice call "failed: *Canceled"

    for transport in u1 t1; do
        say "$scheme: a page calls a phone over $transport, and hangs up"
        phone carol "$(webrtc answer)"
        page dial alice carol
        shows alice call talking
        page click alice hangup
        phones_done
        shows alice call ended

        say "$scheme: ... puts it on hold by a re-INVITE, and is hung up on"
        phone carol "$(webrtc dialog_callee)"
        page dial alice carol
        shows alice call talking
        page click alice hold
        phones_done
        shows alice call ended

        say "$scheme: a phone over $transport calls the page, and hangs up"
        dial carol alice "$(webrtc call)" &
        caller=$!
        shows alice call "carol calls"
        page click alice answer
        wait "$caller" || fail "carol's call"
        shows alice call ended

        say "$scheme: ... sends a re-INVITE along two Record-Routes, and is hung up on"
        dial carol alice "$(webrtc dialog_caller)" &
        caller=$!
        shows alice call "carol calls"
        page click alice answer
        shows alice call talking
        within 5 grep -q 'CSeq: 3 ACK' "$work/caller-carol.msg" || lost caller-carol "no re-INVITE"
        page click alice hangup
        wait "$caller" || fail "carol's call"
        routes_are 2 carol
        calls_are answered $((answered += 4)) || fail "answered: $(ctl --json status | jq -c .calls)"
    done

    say "$scheme: a page unregisters"
    page click bob leave
    shows bob registration unregistered
    is_gone bob || fail "bob's binding stayed"
    for user in alice bob; do page close "$user"; done
    ctl bindings remove alice@example.com >/dev/null 2>&1 || true
done
calls_are strays 0 || fail "answers that nobody waited for: $(ctl --json status | jq -c .calls)"
