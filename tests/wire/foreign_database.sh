#!/usr/bin/env bash
# A file that is not Muster's database is refused by name and left as it was.
source "$(dirname "$0")/lib.sh"
needs sqlite3

refused() { # refused WHAT
    cp "$store" "$work/before"
    write_config
    status=0
    timeout 20 "$MUSTERD" --config "$work/muster.yaml" >"$work/refused.log" 2>&1 || status=$?
    [[ $status == 1 ]] || fail "$1: exit status $status"
    grep -q "$store" "$work/refused.log" || fail "$1: the file is not named: $(cat "$work/refused.log")"
    cmp -s "$store" "$work/before" || fail "$1: the file was changed"
    say "$1: $(tail -n 1 "$work/refused.log")"
    rm -f "$store" "$store"-*
}
sqlite3 "$store" 'create table orders(id integer primary key, what text); insert into orders values(1, "tea");'
refused "another program's database"
head -c 20000 /dev/urandom >"$store"
refused "not a database"
echo '# a text file' >"$store"
refused "a text file"

write_config
start_musterd
end_musterd TERM
sqlite3 "$store" 'pragma user_version = 9999;'
refused "the database of a later version"
