#!/usr/bin/env bash
# The man pages are good roff for groff and mandoc, and whatis finds them.
source "$(dirname -- "${BASH_SOURCE[0]}")/../wire/lib.sh"
needs man mandoc lexgrog

for page in musterctl.1 musterd.8 muster.yaml.5; do
    "$MUSTERCTL" man "${page%.?}" >"$work/$page"
    said=$(man --warnings -E UTF-8 -l "$work/$page" 2>&1 >/dev/null) || true
    [[ -z $said ]] || fail "man: $said"
    mandoc -T lint "$work/$page" || fail "mandoc complains"
    lexgrog "$work/$page" >"$work/what" || fail "whatis would not find $page"
    say "$(<"$work/what")"
done | sed "s|$work/||"
