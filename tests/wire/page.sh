#!/usr/bin/env bash
# The status page in a headless Chromium: with and without script, in both colour schemes, on a desk and on a phone; live;
# accessible by axe-core; and what phones say stays words.
# page.sh [FOLDER]: pictures of it go there.
source "$(dirname "$0")/lib.sh"
source "$wire/pages.sh"
needs chromium curl jq python3
needs_javascript
pictures=${1:-$work/pictures}
mkdir -p "$pictures"

# registers USER PASSWORD DEVICE: over UDP, once; says the status.
registers() {
    PYTHONPATH=$wire/attacks PYTHONDONTWRITEBYTECODE=1 python3 -c 'if True:
        import sys, sip
        port, user, password, device = sys.argv[1:]
        print(sip.register(sip.Udp(int(port)), user, password, more=[f"User-Agent: {device}"]))' "$port" "$@"
}

get() { curl -sS --unix-socket "$work/musterd.sock" "http://localhost$1" "${@:2}"; }

write_config tls
sed -i 's|^  example.com:|  example.org: {}\n&|' "$work/muster.yaml"
start_musterd
for user in alice bob carol; do add_account "$user"; done
hostile='<script>document.title="owned"</script>"><img src=x onerror=alert(1)>'
[[ $(registers alice alice-secret "$hostile") == 200 ]]
[[ $(registers bob wrong "a phone with a wrong password") == 401 ]]
[[ $(registers nobody wrong "$hostile") == 40[134] ]]

say "its headers let nothing in"
get / -D "$work/head" -o "$work/index"
for line in "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self';" \
    'X-Content-Type-Options: nosniff' 'Referrer-Policy: no-referrer' 'Cache-Control: no-store' \
    'Content-Type: text/html; charset=utf-8'; do
    grep -qi "^$line" "$work/head" || fail "no $line: $(cat "$work/head")"
done
for file in $(grep -o 'ui/[a-z]*-[0-9a-f]*\.[a-z]*' "$work/index"); do
    get "/$file" -f -D "$work/head" -o /dev/null || fail "$file"
    grep -qi '^Cache-Control: public, max-age=31536000, immutable' "$work/head" || fail "$file is not kept"
done
[[ $(get /ui/style.css -o /dev/null -w '%{http_code}') == 404 ]]
[[ $(get "/ui?aor=$(printf '%2000s' '' | tr ' ' a)" -o /dev/null -w '%{http_code}') == 400 ]]
[[ $(get "/ui?aor=%22%3E%3Cscript%3E" | grep -c '<script') == 1 ]] || fail "what is looked up becomes markup"

say "in a browser"
export -f registers
export wire port
HOME=$work node "$browser/status.mjs" "$work/musterd.sock" "$page_port" "$pictures" \
    'registers carol carol-secret "a phone that comes later"' || fail "the page in a browser"
