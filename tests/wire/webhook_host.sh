#!/usr/bin/env bash
# The host of a webhook is asked for without holding up anything: while no name server answers, the daemon ends at once.
source "$(dirname "$0")/lib.sh"
needs python3

silent=$(free_port)
printf 'a secret of the test\n' >"$work/secret"
write_config
cat >>"$work/muster.yaml" <<YAML
dns: {servers: ["127.0.0.1:$silent"]}
webhooks:
  - {url: "https://hook.test/", secret_file: secret}
YAML
touch "$work/questions"
# Notes a line for each question for a host, and answers none.
setpriv --pdeathsig KILL python3 -u - "$silent" >"$work/questions" <<'PY' &
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
print("ready")
while True:
    question, _ = server.recvfrom(4096)
    if b"\x04hook\x04test\x00" in question: print("asked")
PY
children+=($!)
within 10 grep -q ready "$work/questions"
start_musterd
add_account alice
is_asked() { grep -q asked "$work/questions"; }
within 10 is_asked || fail "it does not ask dns.servers"
end_musterd TERM
[[ $ended == 0 ]]
# For an IPv4 and an IPv6 address; what waits for the end of the first try, two seconds, asks again.
(($(grep -c asked "$work/questions") <= 2)) || fail "it has asked on"
say "ended while nobody answered"
