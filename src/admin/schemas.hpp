#pragma once
// JSON Schemas of what commands answer (docs/admin.md, JSON shapes). New members may come, none goes.

#include <string_view>

namespace muster::admin {

struct Answered {
    std::string_view command;  ///< noun and verb
    std::string_view schema;   ///< of `schemas`
    std::string_view type = "application/json";
};

/// All but streams. Those not named would answer with some object; a wire test sees that there are none.
inline constexpr Answered answers[] = {
    {"status", "Status"},
    {"bindings list", "Records"},
    {"bindings show", "Record"},
    {"bindings add", "Record"},
    {"bindings remove", "Record"},
    {"bindings count", "Count"},
    {"lookup", "Targets"},
    {"metrics", "Text", "text/plain"},
    {"accounts list", "Accounts"},
    {"accounts add", "Account"},
    {"accounts show", "Account"},
    {"accounts import", "Imported"},
    {"domains list", "Domains"},
    {"db check", "Checked"},
    {"domains show", "Domain"},
    {"log level", "Level"},
    {"db backup", "File"},
    {"config plan", "Plan"},
    {"health", "Well"},
    {"alive", "Well"},
    {"explain last", "Explanations"},
    {"explain show", "Explanation"},
    {"explain message", "Explanation"},
    {"accounts passwd", "Done"},
    {"accounts disable", "Done"},
    {"accounts enable", "Done"},
    {"accounts remove", "Done"},
    {"config reload", "Done"},
    {"tasks stop", "Done"},
    {"flows close", "Done"},
    {"tasks list", "Tasks"},
    {"flows list", "Flows"},
    {"bindings clear", "Count"},
    {"import", "Migrated"},
    {"history", "History"},
    {"history export", "Changes"},
    {"log show", "Level"},
    {"config show", "Written"},
    {"openapi", "OpenApi"},
    {"bans list", "Bans"},
    {"bans add", "Ban"},
    {"bans remove", "Done"},
};

inline constexpr std::string_view schemas = R"({
"Problem": {"type": "object", "required": ["type", "title", "status"], "properties": {
    "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
    "detail": {"type": "string"}, "reasons": {"type": "array", "items": {"type": "string"}}}},
"Object": {"type": "object"},
"Done": {"type": "object", "description": "empty"},
"Text": {"type": "string"},
"Cursor": {"type": "string", "description": "where the list goes on; empty at its end"},
"Binding": {"type": "object",
    "required": ["contact", "expires", "q", "call_id", "cseq", "user_agent", "source", "path", "live", "flow"],
    "properties": {
    "contact": {"type": "string"},
    "expires": {"type": ["integer", "null"], "description": "seconds left; null: never"},
    "q": {"type": "string"}, "call_id": {"type": "string"}, "cseq": {"type": "integer"},
    "user_agent": {"type": "string"}, "source": {"type": "string"}, "path": {"type": "string"},
    "instance": {"type": "string"}, "reg_id": {"type": "integer"}, "pub_gruu": {"type": "string"},
    "live": {"type": "boolean"}, "nat": {"type": "boolean"},
    "flow": {"enum": ["live", "lost", "late", "unreachable", "unknown"]},
    "heard": {"type": ["integer", "null"]}, "rtt_ms": {"type": ["integer", "null"]}}},
"Record": {"type": "object", "required": ["aor", "version", "bindings"], "properties": {
    "aor": {"type": "string"}, "version": {"type": "integer", "description": "0: there is no record"},
    "bindings": {"type": "array", "items": {"$ref": "#/components/schemas/Binding"}}}},
"Records": {"type": "object", "required": ["items", "cursor"], "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Record"}},
    "cursor": {"$ref": "#/components/schemas/Cursor"}}},
"Count": {"type": "object", "required": ["aors", "bindings"], "properties": {
    "aors": {"type": "integer"}, "bindings": {"type": "integer"},
    "by": {"type": "array", "items": {"type": "object", "required": ["name", "bindings"]}}}},
"Flows": {"type": "object", "required": ["items", "cursor", "silent_workers"], "properties": {
    "items": {"type": "array", "items": {"type": "object",
        "required": ["id", "transport", "remote", "local", "opened_by", "state", "age", "idle", "unsent", "users", "aors"],
        "properties": {"id": {"type": "string"}, "transport": {"enum": ["tcp", "tls", "ws", "wss"]},
        "remote": {"type": "string"}, "local": {"type": "string"}, "opened_by": {"enum": ["us", "them"]},
        "state": {"enum": ["connecting", "handshake", "open", "closing"]},
        "age": {"type": "integer"}, "idle": {"type": "integer"}, "unsent": {"type": "integer"},
        "users": {"type": "integer", "description": "with a binding that ends with it"},
        "aors": {"type": "array", "items": {"type": "string"}, "description": "ten of them at most"}}}},
    "cursor": {"$ref": "#/components/schemas/Cursor"},
    "silent_workers": {"type": "array", "items": {"type": "integer"}, "description": "that did not answer: theirs are left out"}}},
"Tasks": {"type": "object", "required": ["items"], "properties": {
    "items": {"type": "array", "items": {"type": "object", "required": ["task", "done", "total"],
        "properties": {"task": {"enum": ["import", "db", "bindings"]},
        "done": {"type": "integer"}, "total": {"type": "integer"}}}}}},
"Level": {"type": "object", "required": ["level"], "properties": {
    "level": {"enum": ["debug", "info", "warning", "error"]}}},
"Targets": {"type": "object", "required": ["aor", "targets"], "properties": {
    "aor": {"type": "string"},
    "targets": {"type": "array", "items": {"type": "object", "required": ["uri", "q", "route", "flow", "live", "expires"],
        "properties": {"uri": {"type": "string"}, "q": {"type": "string"},
        "route": {"type": "array", "items": {"type": "string"}}, "flow": {"type": "string"},
        "live": {"type": "boolean"}, "expires": {"type": ["integer", "null"]}}}},
    "left_out": {"type": "array", "items": {"type": "object", "required": ["contact", "why"]}},
    "enabled": {"type": "boolean"}}},
"Account": {"type": "object", "required": ["aor", "username", "enabled", "aliases"], "properties": {
    "aor": {"type": "string"}, "username": {"type": "string"}, "enabled": {"type": "boolean"},
    "aliases": {"type": "array", "items": {"type": "string"}}}},
"Accounts": {"type": "object", "required": ["items", "cursor"], "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Account"}},
    "cursor": {"$ref": "#/components/schemas/Cursor"}}},
"Imported": {"type": "object", "required": ["imported"], "properties": {"imported": {"type": "integer"}}},
"Domain": {"type": "object", "required": ["domain", "aliases", "expires", "contact_limit", "accounts", "algorithms"],
    "properties": {
    "domain": {"type": "string"}, "aliases": {"type": "array", "items": {"type": "string"}},
    "expires": {"type": "object", "required": ["min", "default", "max"]},
    "contact_limit": {"type": "integer"}, "account_limit": {"type": "integer"}, "accounts": {"type": "integer"},
    "algorithms": {"type": "array", "items": {"enum": ["MD5", "SHA-256", "SHA-512-256"]}}}},
"Domains": {"type": "object", "required": ["items"], "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Domain"}}}},
"Status": {"type": "object",
    "required": ["version", "ready", "uptime", "aors", "bindings", "requests", "network", "store", "queue", "limits"],
    "properties": {"version": {"type": "string"}, "revision": {"type": "string"}, "ready": {"type": "boolean"}, "uptime": {"type": "integer"},
    "accounts": {"type": "integer"}, "aors": {"type": "integer"}, "bindings": {"type": "integer"},
    "requests": {"type": "object", "additionalProperties": {"type": "integer"}},
    "network": {"type": "object", "additionalProperties": {"type": "integer"}}}},
"Checked": {"type": "object", "required": ["file", "sound", "damaged"], "properties": {
    "file": {"type": "string"}, "sound": {"type": "boolean"},
    "damaged": {"type": "array", "items": {"type": "object", "required": ["kind", "key", "version", "fate"]}}}},
"Plan": {"type": "object", "required": ["file", "changed", "restart", "domains", "loses"], "properties": {
    "changed": {"type": "array", "items": {"type": "object", "required": ["key", "before", "after", "line"]}},
    "restart": {"type": "array", "items": {"type": "string"}},
    "domains": {"type": "array", "items": {"type": "object", "required": ["domain", "fate", "loses"]}},
    "loses": {"type": "boolean", "description": "whether accounts or bindings lose something: apply then asks to be sure"}}},
"Well": {"type": "object", "required": ["status"], "properties": {"status": {"enum": ["ready", "alive"]}}},
"Strings": {"type": "array", "items": {"type": "string"}},
"State": {"type": ["object", "null"], "required": ["version", "bindings"], "properties": {
    "version": {"type": "integer"}, "bindings": {"type": "array", "items": {"type": "object", "required": ["contact", "expires"]}}}},
"Explanation": {"type": "object",
    "required": ["id", "time", "worker", "method", "aor", "request_uri", "from", "to", "source", "call_id", "cseq",
        "user_agent", "contacts", "expires", "shown", "user", "status", "reason", "sent", "detail", "rule", "rfc", "step",
        "meaning", "settings", "steps"],
    "properties": {
    "id": {"type": ["integer", "null"]}, "time": {"type": "string", "format": "date-time"}, "worker": {"type": "integer"},
    "method": {"type": "string"}, "aor": {"type": ["string", "null"]}, "request_uri": {"type": "string"},
    "from": {"type": "string"}, "to": {"type": "string"}, "source": {"type": "string"}, "call_id": {"type": "string"},
    "cseq": {"type": "integer"}, "user_agent": {"type": "string"}, "expires": {"type": "string"},
    "contacts": {"$ref": "#/components/schemas/Strings"},
    "shown": {"enum": ["nothing", "guess", "digest", "certificate", "network"]}, "user": {"type": "string"},
    "status": {"type": ["integer", "null"]}, "reason": {"type": "string"}, "sent": {"type": "boolean"},
    "detail": {"type": "string"}, "rule": {"type": "string"}, "rfc": {"type": ["string", "null"]},
    "step": {"type": ["integer", "null"], "minimum": 1, "maximum": 8}, "meaning": {"type": "string"},
    "settings": {"type": "array", "items": {"type": "object", "required": ["key", "value", "file", "line", "why"]}},
    "steps": {"type": "array", "items": {"type": "object", "required": ["step", "what", "result"], "properties": {
        "step": {"type": "integer"}, "what": {"type": "string"}, "result": {"enum": ["passed", "failed", "not reached"]}}}},
    "before": {"$ref": "#/components/schemas/State"}, "after": {"$ref": "#/components/schemas/State"},
    "changed": {"type": "boolean"},
    "changes": {"type": "array", "items": {"type": "object", "required": ["contact", "change", "why"], "properties": {
        "change": {"enum": ["+", "-", "~", "="]}}}},
    "evicted": {"$ref": "#/components/schemas/Strings"},
    "targets": {"type": "array", "items": {"type": "object", "required": ["uri", "way", "q"]}},
    "left_out": {"type": "array", "items": {"type": "object", "required": ["contact", "why"]}},
    "rehearsal": {"type": "boolean"}, "answer": {"type": "string"}, "credentials": {"type": ["object", "null"]},
    "taken_as": {"type": ["string", "null"]}}},
"Explanations": {"type": "object", "required": ["items"], "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Explanation"}}}},
"Change": {"type": "object", "required": ["position", "event"], "properties": {
    "position": {"type": "integer"}, "event": {"type": "string"}, "at": {"type": "string", "format": "date-time"},
    "aor": {"type": "string"}, "cause": {"type": "string"}, "previous": {"type": ["integer", "null"]},
    "bindings": {"type": "array", "items": {"type": "object", "required": ["what", "contact", "expires"]}},
    "account": {"type": "object", "required": ["username", "enabled", "aliases"]}}},
"Changes": {"type": "object", "required": ["items", "cursor"], "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Change"}},
    "cursor": {"$ref": "#/components/schemas/Cursor"}}},
"History": {"description": "changes; with `at` what was bound then",
    "anyOf": [{"allOf": [{"$ref": "#/components/schemas/Changes"}, {"required": ["aor", "log_begin"]}]},
        {"type": "object", "required": ["aor", "at", "version", "bindings"]}]},
"Migrated": {"type": "object",
    "required": ["dry_run", "accounts", "accounts_kept", "bindings", "bindings_kept", "notes", "left_out"], "properties": {
    "dry_run": {"type": "boolean"}, "accounts": {"type": "integer"}, "accounts_kept": {"type": "integer"},
    "bindings": {"type": "integer"}, "bindings_kept": {"type": "integer"}, "notes": {"$ref": "#/components/schemas/Strings"},
    "left_out": {"type": "array", "items": {"type": "object", "required": ["why", "count", "examples"]}}}},
"Written": {"type": "object", "required": ["file", "items"], "properties": {"file": {"type": "string"},
    "items": {"type": "array", "items": {"type": "object", "required": ["key", "value", "line"], "properties": {
        "key": {"type": "string"}, "value": {"type": "string"}, "line": {"type": "integer"}}}}}},
"OpenApi": {"type": "object", "required": ["openapi", "info", "paths", "components"]},
"Ban": {"type": "object",
    "required": ["address", "kind", "since", "until", "by", "reason", "dropped", "last", "user"], "properties": {
    "address": {"type": "string", "description": "an IP address, or a network in CIDR"},
    "kind": {"enum": ["ban", "throttled"]}, "since": {"type": "string"},
    "until": {"type": ["string", "null"], "description": "null: until it is removed"},
    "by": {"type": "string"}, "reason": {"type": "string"},
    "dropped": {"type": "integer", "description": "datagrams and connections since it was made or the daemon started; throttled: requests"},
    "last": {"type": ["string", "null"], "description": "throttled: when it was turned away last"},
    "user": {"type": ["string", "null"], "description": "throttled: whose password was tried last"}}},
"Bans": {"type": "object", "required": ["items", "cursor"], "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Ban"}},
    "cursor": {"$ref": "#/components/schemas/Cursor"}}},
"File": {"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}}}
})";

}  // namespace muster::admin
