#!/usr/bin/env bash
# Phones whose connection ends without a word: a second later nobody finds them any more, and who calls them hears 480 at once
# or reaches another phone of the user; a call that is ringing there goes on elsewhere or ends.
source "$(dirname "$0")/lib.sh"
source "$wire/phones.sh"
source "$wire/pages.sh"
needs chromium sipp openssl pgrep jq
needs_javascript

bound_is() { [[ $(bindings_of "$1") == "$2" ]]; }

write_config ws wss
start_musterd
for user in alice bob carol; do add_account "$user"; done
start_browser
page open alice "ws://127.0.0.1:${port_of[ws]}"
page open bob "wss://127.0.0.1:${port_of[wss]}"
for user in alice bob; do shows "$user" registration registered; done

say "it rings in a page, which is closed"
refused carol alice 480 &
caller=$!
shows alice call "carol calls"
page close alice
within 2 is_gone alice || fail "alice is still bound"
wait "$caller" || fail "carol's call"

say "a call to nobody"
refused carol alice 480

say "the browser dies, and another phone of the user has the call"
phone bob answer
bound_is bob 2
kill_browser
within 2 bound_is bob 1 || fail "bob's page is still bound"
dial carol bob call
phones_done
calls_are answered 1
