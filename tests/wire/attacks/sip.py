"""A phone in a hundred lines, for those who attack and those who are honest meanwhile. It shares nothing with src/."""

import hashlib
import os
import re
import socket
import ssl
import struct
import time

DOMAIN = "example.com"
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256, "SHA-512-256": lambda data: hashlib.new("sha512_256", data)}


def request(method, uri, source, user="alice", *, cseq=1, via="", tag="", call_id="", more=(), body=b"", transport="UDP"):
    """The bytes of a request; `more` are whole header lines. It must be answered to where it came from."""
    branch = via or f"{source}:5999;branch=z9hG4bK{os.urandom(6).hex()};rport"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/{transport} {branch}",
        f"From: <sip:{user}@{DOMAIN}>;tag={tag or os.urandom(4).hex()}",
        f"To: <sip:{user}@{DOMAIN}>",
        f"Call-ID: {call_id or os.urandom(8).hex()}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        *more,
    ]
    if not any(line.lower().startswith(("content-length", "l:")) for line in more):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def field(answer, name):
    found = re.search(rf"^{name}:[ \t]*(.*?)\r$".encode(), answer, re.M | re.I)
    return found.group(1).decode("latin-1") if found else ""


def status(answer):
    return int(answer[8:11]) if answer and answer.startswith(b"SIP/2.0 ") else None


def ha1(user, password, algorithm="MD5"):
    return HASHES[algorithm](f"{user}:{DOMAIN}:{password}".encode()).hexdigest()


def credentials(answer, user, password, method, uri, count=1, response=None):
    """The Authorization line that answers the challenge of a 401."""
    challenge = dict(re.findall(r'(\w+)="?([^",]*)"?', field(answer, "WWW-Authenticate")))
    algorithm = challenge.get("algorithm", "MD5")
    digest = lambda text: HASHES[algorithm](text.encode()).hexdigest()
    nonce, cnonce, nc = challenge["nonce"], os.urandom(4).hex(), f"{count:08x}"
    if response is None:
        response = digest(f"{ha1(user, password, algorithm)}:{nonce}:{nc}:{cnonce}:auth:{digest(f'{method}:{uri}')}")
    return (
        f'Authorization: Digest username="{user}", realm="{DOMAIN}", nonce="{nonce}", uri="{uri}", '
        f'algorithm={algorithm}, qop=auth, nc={nc}, cnonce="{cnonce}", response="{response}"'
    )


class Udp:
    """One socket; a request is repeated as RFC 3261 s17.1.2 has it."""

    name = "UDP"

    def __init__(self, port, source="127.0.0.1"):
        self.source, self.socket = source, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))

    def ask(self, message, patience=8):
        wait, end = 0.5, time.monotonic() + patience
        while time.monotonic() < end:
            self.socket.send(message)
            self.socket.settimeout(wait)
            wait *= 2
            try:
                while (answer := self.socket.recv(65536)) and field(answer, "Call-ID") != field(message, "Call-ID"):
                    pass  # an answer to something before
                return answer
            except (TimeoutError, ConnectionRefusedError):
                pass
        return b""

    def close(self):
        self.socket.close()


class Tcp:
    """One connection, opened when first needed and again when it was closed."""

    name = "TCP"

    def __init__(self, port, source="127.0.0.1"):
        self.port, self.source, self.socket = port, source, None

    def open(self, patience=8):
        self.socket = socket.create_connection(("127.0.0.1", self.port), patience, (self.source, 0))

    def send(self, message):
        self.socket.sendall(message)

    def receive(self):
        return self.socket.recv(65536)

    def ask(self, message, patience=8):
        answer = b""
        try:
            if not self.socket:
                self.open(patience)
            self.socket.settimeout(patience)
            self.send(message)
            while b"\r\n\r\n" not in answer and (got := self.receive()):
                answer += got
        except OSError:
            pass
        if not answer:
            self.close()
        return answer

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def trusting(certificate=None):
    """The context of a TLS client; without a certificate to trust it takes any."""
    context = ssl.create_default_context(cafile=certificate)
    if not certificate:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Tls(Tcp):
    name = "TLS"

    def __init__(self, port, source="127.0.0.1", context=None):
        super().__init__(port, source)
        self.context = context or trusting()

    def open(self, patience=8):
        super().open(patience)
        self.socket = self.context.wrap_socket(self.socket, server_hostname="localhost")


class Ws(Tcp):
    """RFC 6455 and RFC 7118; the mask is zero, so that what is sent can be read."""

    name = "WS"

    def open(self, patience=8):
        super().open(patience)
        self.socket.sendall(upgrade())
        self.heard = b""
        while b"\r\n\r\n" not in self.heard:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionResetError
            self.heard += got
        self.answer, _, self.heard = self.heard.partition(b"\r\n\r\n")

    def send(self, message):
        self.socket.sendall(frame(message))

    def receive(self):
        """The payload of the next frame of data; nothing at the end, whose close code is kept."""
        while True:
            code, payload = self.next_frame()
            if code in (1, 2):
                return payload
            if code == 8:
                self.closed = struct.unpack("!H", payload[:2])[0] if payload else None
                return b""
            if code == 9:
                self.socket.sendall(frame(payload, 10))

    def next_frame(self):
        code = self.take(1)[0] & 15
        (size,) = self.take(1)
        if size >= 126:
            size = int.from_bytes(self.take(2 if size == 126 else 8))
        return code, self.take(size)

    def take(self, size):
        while len(self.heard) < size:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionResetError
            self.heard += got
        taken, self.heard = self.heard[:size], self.heard[size:]
        return taken


class Wss(Ws, Tls):
    name = "WSS"


WAYS = {way.name.lower(): way for way in (Udp, Tcp, Tls, Ws, Wss)}


def upgrade(path="/", protocol="sip", *more):
    """What a browser says to begin; None: no sub-protocol."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *more]
    if protocol:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(payload, code=1, *, last=True, size=None):
    """A masked frame; `size` is what it claims to hold, when that is not the truth."""
    size = len(payload) if size is None else size
    length = bytes([128 | size]) if size < 126 else struct.pack("!BH", 254, size) if size < 65536 else struct.pack("!BQ", 255, size)
    return bytes([128 * last | code]) + length + bytes(4) + payload


def register(way, user, password, cseq=1, note=None, contact=True, more=()):
    """Registers, or says which status it was told last (None: nothing). `note` collects the digest responses sent."""
    uri, call_id = f"sip:{DOMAIN}", os.urandom(8).hex()
    more = [*more, f"Contact: <sip:{user}@{way.source}:5999>"] if contact else [*more]
    make = lambda number, extra: request(
        "REGISTER", uri, way.source, user, cseq=number, call_id=call_id, more=more + extra, transport=way.name
    )
    answer = way.ask(make(cseq, []))
    if status(answer) != 401:
        return status(answer)
    line = credentials(answer, user, password, "REGISTER", uri)
    if note is not None:
        note.append(line.split('response="')[1].rstrip('"'))
    return status(way.ask(make(cseq + 1, [line])))
