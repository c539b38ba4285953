#!/usr/bin/env bash
# Real shells complete musterctl: nouns, verbs, options, files, and the addresses-of-record of a daemon. A shell that is
# not installed is left out, and said.
source "$(dirname -- "${BASH_SOURCE[0]}")/../wire/lib.sh"
needs python3
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

PATH=$(dirname -- "$(readlink -f -- "$MUSTERCTL")"):$PATH
cd "$work"
touch account-list.csv
lines=("musterctl bindi" "musterctl bindings sh" "musterctl bindings list --dom" "musterctl accounts import acc"
    "musterctl --json bindings show al" "musterctl bindings show alice@ex" "musterctl lookup sip:al"
    "musterctl bindings list --domain ex")
expected=("musterctl bindings" "musterctl bindings show" "musterctl bindings list --domain"
    "musterctl accounts import account-list.csv" "musterctl --json bindings show alice@example.com"
    "musterctl bindings show alice@example.com" "musterctl lookup sip:alice@example.com"
    "musterctl bindings list --domain example.com")

# shell_says SHELL OPTION…: each line as the shell has completed it.
shell_says() {
    printf '%s\n' "${lines[@]}" | MUSTER_SOCKET=$work/musterd.sock timeout 60 python3 "$here/type.py" "$work/$1.script" "$@"
}

# fish says itself what it would offer.
fish_says() {
    local line
    for line in "${lines[@]}"; do
        MUSTER_SOCKET=$work/musterd.sock fish --no-config -c "source '$work/fish.script'; complete -C '$line'" |
            sed "s/\t.*//; s|^|${line% *} |"
    done
}

for shell in bash zsh fish; do ctl completion "$shell" >"$work/$shell.script"; done
sed -i '1i autoload -U compinit; compinit -D' "$work/zsh.script"  # as in the start files of who completes at all
write_config
start_musterd
add_account alice
ctl bindings add alice@example.com sip:alice@192.0.2.4 >/dev/null

check() {
    command -v "$1" >/dev/null || { say "$1 is not installed"; return; }
    diff <(printf '%s\n' "${expected[@]}") <("${@:2}") || fail "$1 completes otherwise"
    say "$1 completes"
}
check bash shell_says bash --norc
check zsh shell_says zsh -f
check fish fish_says
