#!/usr/bin/env python3
"""half_open.py TLS WS COUNT: so many connections, of as many sources, that never come to their first request: in silence, in
the midst of a handshake of TLS or of HTTP, or right after it. All must be closed after 30 s; says when the last one was.
"""

import resource
import select
import ssl
import sys
import time

import sip

PATIENCE = 45  # 30 s, a scan a second, and a machine that has other things to do
tls, ws, count = (int(word) for word in sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def client_hello():
    out = ssl.MemoryBIO()
    try:
        sip.trusting().wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    except ssl.SSLWantReadError:
        return out.read()


hello, context = client_hello(), sip.trusting()
ways = [
    (lambda source: sip.Tcp(tls, source), b""),
    (lambda source: sip.Tcp(tls, source), hello[:1]),
    (lambda source: sip.Tcp(tls, source), hello[: len(hello) // 2]),
    (lambda source: sip.Tcp(tls, source), hello),
    (lambda source: sip.Tls(tls, source, context), b""),
    (lambda source: sip.Tcp(ws, source), b""),
    (lambda source: sip.Tcp(ws, source), sip.upgrade()[:60]),
    (lambda source: sip.Ws(ws, source), b""),
]
poll, streams, begin = select.poll(), {}, time.monotonic()
for number in range(count):
    make, beginning = ways[number % len(ways)]
    stream = make(f"127.2.{number >> 8}.{number & 255}")
    stream.open(PATIENCE)
    if beginning:
        stream.socket.sendall(beginning)
    stream.socket.setblocking(False)
    streams[stream.socket.fileno()] = stream
    poll.register(stream.socket.fileno(), select.POLLIN)
opened = time.monotonic()
print(f"{count} half-open connections in {opened - begin:.1f} s", flush=True)


def is_closed(stream):
    try:
        while got := stream.socket.recv(65536):
            pass
        return True
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


while streams and time.monotonic() < opened + PATIENCE:
    for number, _ in poll.poll(1000):
        if is_closed(streams[number]):
            poll.unregister(number)
            streams.pop(number).close()
print(f"{len(streams)} left {time.monotonic() - opened:.1f} s after the last was opened")
sys.exit(bool(streams))
