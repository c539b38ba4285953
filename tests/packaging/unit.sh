#!/usr/bin/env bash
# The systemd unit has no fault that systemd knows of, its man pages exist, and it stays locked down: exposure at most 1.5.
source "$(dirname -- "${BASH_SOURCE[0]}")/../wire/lib.sh"
needs systemd-analyze man

unit=$wire/../../packaging/musterd.service
sed "s|/usr/bin/musterd|$(readlink -f -- "$MUSTERD")|" "$unit" >"$work/musterd.service"
for page in man1/musterctl.1 man5/muster.yaml.5 man8/musterd.8; do
    mkdir -p "$work/man/${page%/*}"
    name=${page##*/}
    "$MUSTERCTL" man "${name%.?}" >"$work/man/$page"
done
# It says what it ignores, and ends with 0 nevertheless.
said=$(MANPATH=$work/man systemd-analyze verify "$work/musterd.service" 2>&1) || fail "systemd: $said"
[[ -z $said ]] || fail "systemd: $said"
say "systemd-analyze verify has nothing to say"

systemd-analyze security --offline=true --threshold=15 "$unit" >"$work/exposure" || { tail -n 3 "$work/exposure"; fail "the unit is exposed"; }
say "$(tail -n 1 "$work/exposure")"
