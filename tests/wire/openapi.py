"""Holds docs/openapi.json against a daemon: every path is asked, every answer is what its schema says.

openapi.py FILE SOCKET PORT: PORT is where the daemon takes SIP over UDP.
"""
import http.client, json, re, socket, sys
from urllib.parse import quote
import jsonschema

with open(sys.argv[1]) as file:
    text = file.read()
api = json.loads(text)
for name in set(re.findall(r'"#/components/schemas/(\w+)"', text)):
    assert name in api["components"]["schemas"], name + " is no schema"


class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(sys.argv[2])


def ask(method, path, body=None, kind=None):
    connection = Local("localhost")
    connection.request(method, path, body, {"Content-Type": kind} if kind else {})
    answer = connection.getresponse()
    return answer.status, answer.getheader("Content-Type"), answer


def schema_of(operation, status, kind):
    response = operation["responses"].get(str(status), operation["responses"]["default"])
    content = response["content"]
    assert kind in content, f"{kind} is not among {list(content)}"
    return {**content[kind]["schema"], "components": api["components"]}


# A request to be explained: a phone's first, which is challenged.
request = "\r\n".join(["REGISTER sip:example.com SIP/2.0", "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1;rport",
                       "From: <sip:alice@example.com>;tag=1", "To: <sip:alice@example.com>", "Call-ID: 1", "CSeq: 1 REGISTER",
                       "Max-Forwards: 70", "Contact: <sip:alice@127.0.0.1>", "Content-Length: 0", "", ""])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
    phone.settimeout(30)
    phone.sendto(request.encode(), ("127.0.0.1", int(sys.argv[3])))
    assert phone.recv(65536).startswith(b"SIP/2.0 401 ")
last = json.loads(ask("GET", "/v1/explain")[2].read())["items"][0]

values = {"aor": "alice@example.com", "domain": "example.com", "uri": "sip:alice@192.0.2.1", "expires": "1h", "level": "info",
          "file": sys.argv[2] + ".backup", "from": "kamailio", "id": str(last["id"]), "address": "192.0.2.9", "yes": "true"}
bodies = {"/v1/accounts/import": "bob@example.com,secret\n", "/v1/explain": request, "/v1/config/plan": "domains: {example.com: {}}",
          "/v1/import": '{"account":{"username":"carol","domain":"example.com","ha1":"' + 32 * "a" + '"}}\n'}
# What may not be done here, and how that is told.
refused = {"DELETE /v1/tasks/{task}": 404, "DELETE /v1/flows/{id}": 404}
# What removes comes last, one before many; what adds, an account before what is done with it.
order = {"post": 0, "put": 1, "get": 2, "delete": 3}
operations = sorted(((order[m], p, m, o) for p, all in api["paths"].items() for m, o in all.items()),
                    key=lambda each: (each[0], len(each[1]) * (-1 if each[2] == "delete" else 1)))
done = 0
for _, path, method, operation in operations:
    target, query = path, []
    for parameter in operation.get("parameters", []):
        name = parameter["name"]
        if parameter["in"] == "path":
            target = target.replace("{" + name + "}", quote(values.get(name, "x"), safe=""))
        elif parameter["required"] or name in ("aor", "domain", "yes"):
            query.append(f"{name}={quote(values.get(name, 'x'), safe='')}")
    content = operation.get("requestBody", {}).get("content", {})
    kind = next((k for k in ("application/octet-stream", "application/json") if k in content), None)
    body = None if kind is None else bodies.get(path, '{"password":"secret"}')
    status, type, answer = ask(method.upper(), target + ("?" + "&".join(query) if query else ""), body, kind)
    where = f"{method.upper()} {path}"
    if type == "text/event-stream":
        assert "text/event-stream" in operation["responses"]["200"]["content"], where
        continue
    body = answer.read()
    assert status == refused.pop(where, 200), f"{where}: {status} {body.decode()}"
    if "json" in type:
        schema = schema_of(operation, status, type)
        assert not schema.get("$ref", "").endswith("/Object"), where + ": its answer has no schema of its own"
        jsonschema.validate(json.loads(body), schema)
    else:
        assert type.split(";")[0] in {k.split(";")[0] for k in operation["responses"]["200"]["content"]}, where
    done += status == 200
print(f"- {len(operations)} operations, {done} of them done")
assert done > 30 and not refused
status, type, answer = ask("GET", "/v1/no/such/thing")
assert status == 404 and type == "application/problem+json"
jsonschema.validate(json.loads(answer.read()), {**api["components"]["schemas"]["Problem"], "components": api["components"]})
