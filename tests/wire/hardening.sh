#!/usr/bin/env bash
# What the compiler, the kernel and systemd give against a fault of ours: the program, the process, the unit.
source "$(dirname "$0")/lib.sh"
needs readelf objdump nm setpriv /usr/bin/python3

has() { # has WHAT PATTERN COMMAND…
    local what=$1 pattern=$2
    shift 2
    "$@" 2>/dev/null | grep -E -- "$pattern" >"$work/found" || fail "$program: no $what"
}
for program in "$MUSTERD" "$MUSTERCTL"; do
    say "${program##*/}"
    has "position-independent code" '^ *Type: *DYN' readelf -hW "$program"
    has "read-only relocations" GNU_RELRO readelf -lW "$program"
    has "binding at the start" BIND_NOW readelf -dW "$program"
    has "stack protector" __stack_chk_fail nm -D "$program"
    has "stack without execution" 'GNU_STACK.* RW ' readelf -lW "$program"
    [[ $(uname -m) != x86_64 ]] || has "marks for indirect branches" endbr64 objdump -d --disassemble=main "$program"
done
program=$MUSTERD
has "checked library calls" '__[a-z]+_chk@' nm -D "$program"

say "the process: nobody of the same user looks into it, and no core is left of it"
chmod 755 "$work"
mkdir "$work/home"
user=()
if ((EUID == 0)); then
    user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    chown 65534 "$work/home"
fi
store=$work/home/muster.db
write_config
sed -i "s|$work/musterd.sock|$work/home/musterd.sock|" "$work/muster.yaml"
"${user[@]}" /usr/bin/python3 - "$MUSTERD" "$MUSTERCTL" "$work/muster.yaml" "$work/home" <<'PY'
import os, resource, signal, subprocess, sys, time

daemon, ctl, config, home = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
os.chdir(home)


def core_of(process):
    process.send_signal(signal.SIGABRT)
    return os.WCOREDUMP(os.waitpid(process.pid, 0)[1])


if not core_of(subprocess.Popen(["sleep", "60"])):
    print("- whether there are cores at all cannot be told here")
process = subprocess.Popen([daemon, "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    for _ in range(600):
        if subprocess.run([ctl, "--socket", f"{home}/musterd.sock", "status"], capture_output=True).returncode == 0:
            break
        time.sleep(0.05)
    else:
        sys.exit("musterd does not answer")
    assert os.stat(f"/proc/{process.pid}/mem").st_uid == 0, "/proc shows it as dumpable"
    for file in "mem", "maps", "environ":
        try:
            open(f"/proc/{process.pid}/{file}", "rb").read(1)
        except PermissionError:
            continue
        sys.exit(f"/proc/PID/{file} can be read by the same user")
    assert not core_of(process), "it left a core"
finally:
    process.kill()
PY

if command -v systemd-analyze >/dev/null; then
    say "the unit"
    systemd-analyze security --offline=true --threshold=15 "$wire/../../packaging/musterd.service" >"$work/exposure" ||
        fail "$(tail -n 3 "$work/exposure")"
    say "$(tail -n 1 "$work/exposure")"
fi
