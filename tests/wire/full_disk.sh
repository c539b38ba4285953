#!/usr/bin/env bash
# A store that cannot grow: 500 or 503, never a 200 for what is not stored, queries go on, and room is all it takes to recover.
# full_disk.sh: a small file system is full; full_disk.sh limit: writes pass the limit on the size of a file.
source "$(dirname "$0")/lib.sh"
needs sipp jq prlimit

mkdir "$work/disk"
store=$work/disk/muster.db
if [[ ${1:-} == limit ]]; then
    trap '' XFSZ # a write beyond the limit is then an error instead of a signal
    fill() { prlimit --pid "$daemon" --fsize=4096:; }
    make_room() { prlimit --pid "$daemon" --fsize=unlimited:; }
else
    # Larger than the write-ahead log ever grows (docs/store.md): only the ballast fills it.
    mount -t tmpfs -o size=160m muster-wire "$work/disk" 2>/dev/null || skip "no right to mount a small file system"
    fill() { dd if=/dev/zero of="$work/disk/ballast" bs=4k 2>/dev/null || true; }
    make_room() { rm "$work/disk/ballast"; }
fi
write_config
start_musterd
users=2000
add_users "$users"
mv "$work/users.csv" "$work/all.csv"
head -n 101 "$work/all.csv" >"$work/few.csv"
phones=$(free_port)
cseq=0

attempt() { # attempt LIST: each of it registers once; who was told 200 goes to $work/acknowledged
    rm -f "$work/acknowledged"
    cp "$work/$1.csv" "$work/users.csv"
    run_sipp outcome -p "$phones" -r 500 -l 100 -base_cseq "$((cseq += 10))" -trace_logs -log_file acknowledged
    touch "$work/acknowledged"
    accepted=$(wc -l <"$work/acknowledged")
}
recovered() { attempt all && ((accepted == users)); }

attempt few
((accepted == 100))
count_is 100

say "full"
fill
attempt all
say "$accepted of $users fitted"
((accepted < users)) || fail "it was never full"
{ cat "$work/acknowledged"; sed -n '2,$s/;.*//p' "$work/few.csv"; } | sort -u >"$work/promised"
bound_users >"$work/found"
diff "$work/promised" "$work/found" >"$work/differ" || fail "bound and acknowledged differ: $(head -n 5 "$work/differ")"
cp "$work/few.csv" "$work/users.csv"
run_sipp query -r 200

say "the log says why, once a second"
grep 'store result=failed.* reason="..*"' "$work/log" >"$work/failures" || fail "no reason in the log"
cut -c1-19 "$work/failures" | uniq -d >"$work/repeated"
[[ ! -s $work/repeated ]] || fail "more than one line in a second: $(cat "$work/repeated")"

say "room again"
make_room
within 60 recovered || fail "it does not store again"
count_is "$users"

say "all of it is there after kill -9"
end_musterd KILL
start_musterd
count_is "$users"
