# Phones of JavaScript: pages of a headless Chromium. Sourced after lib.sh.

browser=$(dirname "$MUSTERD")/browser
orders=      # descriptor of what the pages are told
page_port=$(free_port)

# needs_javascript: the test is skipped, visibly, where npm cannot get what the phones are made of.
needs_javascript() {
    needs node npm
    bash "$wire/browser/install.sh" "$browser" 2>"$work/install" || skip "$(tail -n 1 "$work/install")"
}

start_browser() {
    mkdir -p "$work/pages"
    mkfifo "$work/orders"
    HOME=$work node "$browser/pages.mjs" "$work/pages" "$page_port" <"$work/orders" >"$work/browser.out" 2>&1 &
    driver=$!
    children+=("$driver")
    exec {orders}>"$work/orders"
}

# page COMMAND USER [WORD]: see pages.mjs. What the page has shown before is forgotten.
page() {
    : >"$work/pages/$2"
    echo "$*" >&"$orders"
}

# shows USER PART WORDS: that part of the user's page says so, or will in a moment.
last_says() { [[ $(grep "^$2 " "$work/pages/$1" | tail -n 1) == "$2 "$3 ]]; }
shows() { within 15 last_says "$@" || { cat "$work/browser.out"; fail "$1's page does not show '$3': $(cat "$work/pages/$1")"; }; }

# The browser dies without a word to anybody.
kill_browser() {
    local process
    process=$(pgrep -P "$driver" chromium)
    kill -KILL -- "-$process"
    kill -KILL "$driver"
    wait "$driver" 2>/dev/null || true
}

# webrtc SCENARIO: the same for a sipp phone, but with a session description that a browser takes; the path of the file.
webrtc() {
    local file=$work/webrtc_$1.xml setup=passive line media=
    [[ $1 != *call && $1 != *caller ]] || setup=actpass
    for line in "m=audio 6000 UDP/TLS/RTP/SAVPF 111" a=rtpmap:111\ opus/48000/2 a=mid:0 a=rtcp-mux a=recvonly \
        "a=setup:$setup" a=ice-ufrag:muster "a=ice-pwd:musterphonemusterphone12" \
        "a=fingerprint:sha-256 $(printf '%02X:' {1..31})20"; do
        media+=$line'\n'
    done
    sed -e 's/s=the words of the caller" search/s=" search/' -e "s|^m=audio .*|${media%'\n'}|" "$wire/sipp/$1.xml" >"$file"
    echo "$file"
}
