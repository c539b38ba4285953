#!/usr/bin/env bash
# count.sh [--write] PROGRAM COMPILER: instructions of each operation of the core, held against ../instructions.json.
# More than 10 % more is a failure; more than 10 % less is a reason to lower the file. --write makes the file anew.
set -euo pipefail
export LC_ALL=C
file=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)/instructions.json
tolerance=10
# 5 ms of one core at three instructions a nanosecond: no message, however it is made, may cost more.
most=15000000

skip() { echo "SKIPPED: $*"; exit 77; }
write=
[[ ${1:-} != --write ]] || { write=1; shift; }
program=$1 compiler=$2
for tool in valgrind jq; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/muster-instructions.XXXXXX")
trap 'rm -rf "$work"' EXIT
# The same code on every processor: neither the C library nor OpenSSL picks what this one can.
plain=(LD_BIND_NOW=1 OPENSSL_ia32cap=0x0:0x0
    GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX,-AVX512F,-AVX512VL,-ERMS,-FSRM,-SSE4_2,-SSSE3,-BMI2,-RTM)
env -i PATH="$PATH" "${plain[@]}" \
    valgrind --tool=callgrind --collect-atstart=no --toggle-collect=counted --dump-after=counted \
    --callgrind-out-file="$work/out" "$program" >"$work/operations" 2>"$work/log" || { cat "$work/log"; exit 1; }

# One dump for each operation, in the order of what the program printed.
counted=$(
    number=0
    while read -r name times; do
        number=$((number + 1))
        total=$(awk '/^summary:/ {print $2; exit}' "$work/out.$number")
        jq -n --arg name "$name" --argjson each "$((total / times))" '{($name): $each}'
    done <"$work/operations" | jq -s 'add'
)
[[ $(jq length <<<"$counted") -ge 5 ]] || { echo "counted too little: $counted"; exit 1; }

if [[ $write ]]; then
    jq -n --arg compiler "$compiler" --argjson counted "$counted" \
        '{compiler: $compiler, instructions: $counted}' >"$file"
    cat "$file"
    exit
fi
expected=$(jq -r .compiler "$file")
[[ $expected == "$compiler" ]] || skip "counted with $expected, this is $compiler: ./dev instructions makes the file anew"
jq -r --argjson now "$counted" --argjson tolerance "$tolerance" --argjson most "$most" '
    .instructions as $was | ($was + $now | keys_unsorted[]) as $name
    | ($was[$name] // 0) as $old | ($now[$name] // 0) as $new
    | (if $old == 0 or $new == 0 then "FAILED: in the file or in the program alone"
       elif $new > $most then "FAILED: no message may cost more than \($most)"
       elif $new > $old * (100 + $tolerance) / 100 then "FAILED: costs more than \($tolerance) % more"
       elif $new < $old * (100 - $tolerance) / 100 then "cheaper by more than \($tolerance) %: lower the file with ./dev instructions"
       else "" end) as $verdict
    | "\($name): \($new) instructions, \($old) in the file \($verdict)"' "$file" | tee "$work/verdicts"
! grep -q FAILED "$work/verdicts"
