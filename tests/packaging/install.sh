#!/usr/bin/env bash
# install.sh [DEB]: the package in a fresh Debian 12: apt installs it, the unit is good, the shipped configuration works
# after one edit (the domain), a phone registers, and purge leaves nothing of it but its user.
# As root, with debootstrap, and a mirror in reach; else it is skipped. The network inside is one of its own.
source "$(dirname -- "${BASH_SOURCE[0]}")/../wire/lib.sh"
needs debootstrap unshare ip
((EUID == 0)) || skip "only root can make a Debian of its own"
unshare --mount --net mount -t tmpfs none "$work" 2>/dev/null || skip "this root may not make namespaces"
mirror=${MUSTER_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)}
[[ $mirror ]] || skip "apt knows no mirror of Debian 12"
package=${1:-$(ls "$wire"/../../build/package/muster_*.deb 2>/dev/null | tail -n 1)}
[[ -f $package ]] || skip "no package: ./dev package"
root=$work/root

# inside COMMAND…: in that Debian, with a /proc that is gone afterwards.
inside() { unshare --mount --fork bash -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$root" "$@"; }
apt() { inside env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -qq "$@" >>"$work/log" 2>&1; }

debootstrap --variant=minbase bookworm "$root" "$mirror" >"$work/log" 2>&1 || skip "debootstrap gets no Debian from $mirror"
say "a fresh Debian $(<"$root/etc/debian_version")"
cp "$package" "$root/tmp/muster.deb"
apt install -y --no-install-recommends /tmp/muster.deb || fail "apt does not install it"
grep -q 'put your domain into' "$work/log" || fail "nobody is told what to do next"
[[ ! -e $root/etc/systemd/system/multi-user.target.wants/musterd.service ]] || fail "enabled before it has a domain"
say "apt installs it: $(inside dpkg-query -W -f '${Package} ${Version}, ${Installed-Size} kB' muster)"

said=$(inside systemd-analyze verify --man=no musterd.service 2>&1) || fail "systemd: $said"
[[ -z $said ]] || fail "systemd: $said"
[[ $(inside stat -c '%A %U:%G' /etc/muster /etc/muster/muster.yaml) == \
    $'drwxr-x--- root:muster\n-rw-r----- root:muster' ]] || fail "who may read the configuration?"
say "the unit is good, the configuration is for root and the daemon"

inside systemctl enable musterd 2>>"$work/log" || fail "systemd does not enable it"
apt install -y --no-install-recommends sipsak || fail "no sipsak"
sed -i 's/^  example\.com:/  sip.test:/' "$root/etc/muster/muster.yaml"
echo '127.0.0.1 sip.test' >>"$root/etc/hosts"
cat >"$root/tmp/try" <<'TRY'
set -e
install -d -o muster -g muster -m 0750 /var/lib/muster /run/muster  # as systemd does
setpriv --reuid=muster --regid=muster --init-groups --no-new-privs musterd --config /etc/muster/muster.yaml &
daemon=$!
for ((i = 0; i < 300; i++)); do ! musterctl status >/dev/null 2>&1 || break; sleep 0.1; done
echo secret | musterctl accounts add alice@sip.test --password-stdin
sipsak -U -u alice -a secret -s sip:alice@sip.test -C sip:alice@127.0.0.1:5099 -H 127.0.0.1 -x 3600 -i
musterctl bindings show alice@sip.test
kill -TERM "$daemon"
wait "$daemon"
rmdir /run/muster  # as systemd does; the socket is gone by itself
TRY
unshare --net bash -c 'ip link set lo up && exec bash "$@"' - /dev/fd/3 3<<<"$(declare -f inside); root=$root; inside bash /tmp/try" \
    >"$work/try" 2>&1 || { cat "$work/try"; fail "it does not run"; }
grep -q '^sip:alice@127.0.0.1:5099 ' "$work/try" || { cat "$work/try"; fail "no phone could register"; }
say "after one edit it starts as the user muster, a phone registers, it ends with 0"

apt purge -y muster || fail "apt does not purge it"
left=$(find "$root" -xdev \( -path "$root/tmp" -o -path "$root/var/log" -o -path "$root/var/cache" \) -prune -o \
    \( -iname '*muster*' -o -path "$root/etc/fail2ban*" \) -printf '/%P ')
[[ -z $left ]] || fail "purge leaves $left"
say "purge leaves the user alone: $(grep '^muster:' "$root/etc/passwd")"
