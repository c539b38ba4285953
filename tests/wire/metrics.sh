#!/usr/bin/env bash
# What is counted: accepted by promtool, named in docs, alert rules and dashboard, and true.
source "$(dirname "$0")/lib.sh"
needs promtool curl jq sipsak python3
packaging=$wire/../../packaging

write_config tls
deaf=$(free_port)
printf 'a secret of the test\n' >"$work/secret"
cat >>"$work/muster.yaml" <<YAML
webhooks:
  - {url: "http://127.0.0.1:$deaf/path-of-one?token=query", secret_file: secret}
  - {url: "http://127.0.0.1:$deaf/path-of-two", secret_file: secret}
YAML
start_musterd
add_account alice
register() {
    timeout 20 sipsak -U -u alice -a "$1" -s "sip:alice@localhost:$port" -C "sip:alice@127.0.0.1:5099" \
        -H 127.0.0.1 -x "$2" -i >"$work/sipsak.out" 2>&1
}
register alice-secret 3600
register alice-secret 3600
register wrong 3600 || true
scrape() { curl -sS -i --unix-socket "$work/musterd.sock" http://localhost/metrics >"$work/reply"; }
# value NAME{LABELS}: of the last scrape.
value() { awk -v name="$1" '$1 == name {print $2}' "$work/metrics"; }
is() { [[ $(value "$1") == "$2" ]] || fail "$1 is '$(value "$1")', not $2"; }

say "the page"
scrape
grep -qi '^content-type: text/plain; version=0.0.4' "$work/reply" || fail "$(head -n 5 "$work/reply")"
ctl metrics >"$work/metrics"
promtool check metrics <"$work/metrics" || fail "promtool does not like it"
is 'muster_requests_total{method="REGISTER",code="200",transport="udp"}' 2
is 'muster_registrations_total{domain="example.com",result="new"}' 1
is 'muster_registrations_total{domain="example.com",result="refresh"}' 1
is 'muster_bindings{domain="example.com"}' 1
is 'muster_accounts{domain="example.com"}' 1
is 'muster_auth_total{result="accepted"}' 2
is muster_register_duration_seconds_count 2
is muster_store_up 1
[[ $("$MUSTERD" --version) =~ ^musterd\ ([0-9.]+)\ \(([0-9a-f]{12}(-dirty)?|unknown)\)$ ]] || fail "$("$MUSTERD" --version)"
is "muster_build_info{version=\"${BASH_REMATCH[1]}\",revision=\"${BASH_REMATCH[2]}\"}" 1
[[ $("$MUSTERCTL" --version) == "musterctl ${BASH_REMATCH[1]} (${BASH_REMATCH[2]})" ]]
[[ $(ctl --json status | jq -r .revision) == "${BASH_REMATCH[2]}" ]]
is 'muster_parse_errors_total{kind="header"}' 0
is muster_ready 1
[[ $(value 'muster_auth_total{result="failed"}') -ge 1 ]]
[[ $(value muster_commit_duration_seconds_count) -ge 3 ]]
[[ $(value process_resident_memory_bytes) != 0 ]]
[[ $(value "muster_certificate_expiry_seconds{listener=\"tls:127.0.0.1:${port_of[tls]}\",name=\"example.com\"}") -ge 432000 ]]
if grep -q 'alice\|sipsak' "$work/metrics"; then fail "a user or a phone is in a label"; fi

say "webhooks, by host and port"
has_failed() { ctl metrics >"$work/metrics" && [[ $(value "muster_webhook_up{webhook=\"127.0.0.1:$deaf#2\"}") == 0 ]]; }
within 10 has_failed || fail "nobody hears it, and it does not say so"
is "muster_webhook_up{webhook=\"127.0.0.1:$deaf\"}" 0
[[ $(value "muster_webhook_lag_changes{webhook=\"127.0.0.1:$deaf#2\"}") -ge 3 ]]
if grep 'path-of\|token' "$work/metrics"; then fail "a path is in a label"; fi

say "OpenMetrics for whom prefers it"
accept='application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
curl -sS -i -H "Accept: $accept" --unix-socket "$work/musterd.sock" http://localhost/metrics >"$work/reply"
grep -qi $'^content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r' "$work/reply" || fail "$(head -n 5 "$work/reply")"
sed '1,/^\r$/d' "$work/reply" >"$work/open"
names() { sed -E '/^#/d; s/[ {].*//' "$1" | sort -u; }
diff <(names "$work/metrics") <(names "$work/open") || fail "OpenMetrics (>) has other names"
for python in python3 /usr/bin/python3 none; do
    "$python" -c 'import prometheus_client' 2>/dev/null && break
done
if [[ $python == none ]]; then
    say "SKIPPED: nothing reads OpenMetrics: python3-prometheus-client is not installed"
else
    "$python" - "$work/open" <<'PY'
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = {f.name: f for f in text_string_to_metric_families(open(sys.argv[1]).read())}
assert families["muster_requests"].type == "counter"
assert {s.name for s in families["muster_requests"].samples} == {"muster_requests_total"}
assert [s.value for s in families["muster_register_duration_seconds"].samples if s.name.endswith("_count")] == [2]
assert len(families) > 50
PY
fi

say "datagrams that the kernel drops"
drops() { ctl metrics >"$work/metrics" && value "muster_udp_kernel_drops_total{listener=\"udp:127.0.0.1:$port\"}"; }
[[ $(drops) == 0 ]]
kill -STOP "$daemon"
python3 - "$port" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(20000): s.sendto(b"\r\n" * 700, ("127.0.0.1", int(sys.argv[1])))
PY
kill -CONT "$daemon"
has_dropped() { [[ $(drops) -gt 0 ]]; }
within 10 has_dropped || fail "the kernel has dropped none of 28 MB"

say "every name is documented, and no other"
printed() { grep '^# TYPE' "$work/metrics" | awk '{print $3}' | sort; }
documented() { grep '^| [a-z]' "$wire/../../docs/metrics.md" | cut -d'|' -f2 | grep -o '[a-z_]*_[a-z_]*' | sort; }
diff <(printed) <(documented) || fail "docs/metrics.md (>) and the daemon (<) differ"

say "alert rules and dashboard"
promtool check rules "$packaging/prometheus/muster.rules.yaml" >"$work/promtool" || fail "$(<"$work/promtool")"
(cd "$packaging/prometheus" && promtool test rules muster.rules.test.yaml) >"$work/promtool" 2>&1 || fail "$(<"$work/promtool")"
jq -e '[.panels[] | select(.targets)] | length > 20' "$packaging/grafana/muster.json" >/dev/null
used() {
    jq -r '.. | .expr? // empty' "$packaging/grafana/muster.json" >"$work/used"
    [[ -s $work/used ]] && grep -o 'expr:.*\|sum by.*\|> 0.1.*' "$packaging/prometheus/muster.rules.yaml" >>"$work/used"
    grep -oE '\b(muster|process)_[a-z_]+' "$work/used" | sort -u
}
unknown=$(comm -23 <(used) <(names "$work/metrics"))
[[ -z $unknown ]] || fail "nothing is called: $unknown"
[[ $(used | wc -l) -gt 30 ]]
