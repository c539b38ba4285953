"""Holds docs/openapi.json against a daemon: every path is asked, every answer is what its schema says.

openapi.py FILE SOCKET
"""
import http.client, json, socket, sys
from urllib.parse import quote
import jsonschema

with open(sys.argv[1]) as file:
    api = json.load(file)


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


values = {"aor": "alice@example.com", "domain": "example.com", "uri": "sip:alice@192.0.2.1", "expires": "1h",
          "file": sys.argv[2] + ".backup", "from": "kamailio", "id": "1", "task": "db"}
bodies = {"application/octet-stream": "bob@example.com,secret\n", "application/json": '{"password":"secret"}'}
# What removes comes last; the order within is that of the file.
order = {"post": 0, "put": 1, "get": 2, "delete": 3}
operations = sorted(((order[m], p, m, o) for p, all in api["paths"].items() for m, o in all.items()),
                    key=lambda each: (each[0], len(each[1])))
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
    kind = next((k for k in bodies if k in content), None)
    status, type, answer = ask(method.upper(), target + ("?" + "&".join(query) if query else ""), bodies.get(kind), kind)
    where = f"{method.upper()} {path}: {status}"
    if type == "text/event-stream":
        assert "text/event-stream" in operation["responses"]["200"]["content"], where
        continue
    body = answer.read()
    if "json" in type:
        jsonschema.validate(json.loads(body), schema_of(operation, status, type))
    else:
        assert type.split(";")[0] in {k.split(";")[0] for k in operation["responses"]["200"]["content"]}, where
    takes_any_file = path in ("/v1/import", "/v1/explain")  # ours is no dump and no SIP message
    assert status < 500 and (status != 400 or takes_any_file), where + " " + body.decode()
    done += status == 200
print(f"- {len(operations)} operations, {done} of them done")
assert done >= 15
status, type, answer = ask("GET", "/v1/no/such/thing")
assert status == 404 and type == "application/problem+json"
jsonschema.validate(json.loads(answer.read()), {**api["components"]["schemas"]["Problem"], "components": api["components"]})
