#!/usr/bin/env bash
# The fail2ban filter finds who guesses passwords in what a real daemon logs, each time, and nobody else, whatever names
# the guesser makes up; in a file and as the journal has it.
source "$(dirname -- "${BASH_SOURCE[0]}")/../wire/lib.sh"
needs fail2ban-regex fail2ban-client python3
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
examples=$here/../../packaging/fail2ban

write_config
start_musterd
add_account alice
PYTHONDONTWRITEBYTECODE=1 python3 "$here/guesses.py" "$port" 127.0.0.2
end_musterd TERM
cp "$examples/filter.conf" "$work/muster.conf"
ln -s /etc/fail2ban/filter.d/common.conf "$work/common.conf"

lines=$(grep -c ' auth result=' "$work/log")
grep -q ' auth result=throttled' "$work/log" || fail "nobody was throttled"
((lines >= 20)) || fail "only $lines guesses were logged"

# only SOURCE FILE: each guess is found, and it was SOURCE.
only() { diff <(for ((i = 0; i < lines; i++)); do echo "$1"; done) <(fail2ban-regex --out ip "$2" "$work/muster.conf"); }
only 127.0.0.2 "$work/log" || fail "the filter finds others in a file"
say "a file: $lines guesses, all found, and nobody else accused"
sed 's/^/host musterd[4711]: /' "$work/log" >"$work/journal"
only 127.0.0.2 "$work/journal" || fail "the filter finds others in the journal"
say "the journal: the same"
sed 's/src=\(udp\|tcp\):127.0.0.2:/src=\1:[2001:db8::7]:/' "$work/log" >"$work/six"
only 2001:db8::7 "$work/six" || fail "the filter does not find IPv6"
say "IPv6: the same"

cp -r /etc/fail2ban "$work/etc"
cp "$examples/filter.conf" "$work/etc/filter.d/muster.conf"
cp "$examples/jail.conf" "$work/etc/jail.d/muster.conf"
fail2ban-client -c "$work/etc" -d >"$work/jails" 2>"$work/fail2ban.err"
! grep -q "'muster'" "$work/jails" || fail "the jail is on although nobody wanted it"
printf '[muster]\nenabled = true\n' >"$work/etc/jail.local"
fail2ban-client -c "$work/etc" -d >"$work/jails" 2>"$work/fail2ban.err"
grep -q "\['add', 'muster', 'systemd'\]" "$work/jails" && grep -q "'_SYSTEMD_UNIT=musterd.service'" "$work/jails" ||
    fail "fail2ban does not take the jail"
say "the jail is taken, and off until it is wanted"
