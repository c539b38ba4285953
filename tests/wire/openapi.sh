#!/usr/bin/env bash
# docs/openapi.json is what the program prints, and what a daemon does.
source "$(dirname "$0")/lib.sh"
needs python3
python3 -c 'import jsonschema' 2>/dev/null || skip "python3-jsonschema is not installed"

"$MUSTERCTL" openapi | cmp - "$wire/../../docs/openapi.json" ||
    fail "docs/openapi.json is old (musterctl openapi > docs/openapi.json)"
write_config
start_musterd
ctl openapi | cmp - <(exec python3 - "$work/musterd.sock" <<'PYTHON'
import http.client, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
connection.request("GET", "/v1/openapi.json")
sys.stdout.write(connection.getresponse().read().decode())
PYTHON
) || fail "the daemon serves another one"
python3 "$wire/openapi.py" "$wire/../../docs/openapi.json" "$work/musterd.sock" "$port"
