#!/usr/bin/env python3
"""Takes webhooks and notes the events of each batch that it acknowledged, one line of JSON each.

webhook_receiver.py PORT SECRET OUT [CERTIFICATE KEY]: what is not signed rightly is fatal. It fails now and then: with
an error, a redirection, and without an answer, before and after it has taken the batch.
"""
import hashlib
import hmac
import http.server
import json
import random
import ssl
import sys

port, secret, out = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3]
dice = random.Random(1)


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parts = dict(part.split("=", 1) for part in self.headers["Muster-Signature"].split(","))
        expected = hmac.new(secret, parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        fault = None
        if not hmac.compare_digest(expected, parts["v1"]):
            fault = "wrong signature"
        elif self.path != "/hook?x=1" or self.headers["Content-Type"] != "application/json":
            fault = "wrong request: " + self.path
        luck = dice.random()
        if luck < 0.1:
            return self.answer(dice.choice([302, 404, 500, 503]))
        if luck < 0.2:
            self.close_connection = True
            return None
        with open(out, "a", encoding="utf-8") as file:
            for event in json.loads(body)["events"]:
                file.write(json.dumps({"fault": fault} if fault else event) + "\n")
        if luck < 0.3:
            self.close_connection = True
            return None
        return self.answer(dice.choice([200, 204]))

    def answer(self, status):
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
server.daemon_threads = True
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
