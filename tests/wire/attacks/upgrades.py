#!/usr/bin/env python3
"""upgrades.py TLS WS WSS [NAME]: what a client may try before its stream carries SIP, and with WebSocket frames. Every try
has a connection of its own, all at the same time; each must be refused as its protocol says, and closed in time. With a
name, that one alone.

The listener WS takes the origin https://phone.example.com alone.
"""

import socket
import ssl
import sys
import threading
import time
import warnings

import sip

warnings.simplefilter("ignore", DeprecationWarning)  # old versions of TLS are what it is about

TLS, WS, WSS = (int(word) for word in sys.argv[1:4])
ALONE = sys.argv[4] if len(sys.argv) > 4 else None
SOURCE = "127.0.0.5"
PATIENCE = 45  # 30 s, a scan a second, and a machine that has other things to do
ANY = range(1000, 5000)
faults = []


def check(ok, name, what):
    if not ok:
        faults.append(f"{name}: {what}")


def options(body=b""):
    return sip.request("OPTIONS", "sip:example.com", SOURCE, body=body, transport="WS")


def read_to_end(stream):
    stream.settimeout(PATIENCE)
    heard = b""
    try:
        while got := stream.recv(65536):
            heard += got
    except TimeoutError:
        return None
    except OSError:
        pass
    return heard


def is_refused(name, port, words, *statuses):
    """Instead of an upgrade: HTTP with one of the statuses, or not a word when there are none, and the end."""
    stream = sip.Tcp(port, SOURCE)
    stream.open()
    stream.send(words)
    heard = read_to_end(stream.socket)
    check(heard is not None, name, "still open")
    told = int(heard[9:12]) if heard and heard.startswith(b"HTTP/1.1 ") else None
    check(told in (statuses or (None,)), name, f"told {heard[:80] if heard else heard}, not {statuses}")


def is_closed(name, frames, *codes, way=None):
    """Frames after a good upgrade: the connection is closed with one of the codes, and no request is answered on the way."""
    stream = way or sip.Ws(WS, SOURCE)
    try:
        stream.open()
        stream.socket.settimeout(PATIENCE)
        stream.socket.sendall(frames)
        said = stream.receive()
        check(not said, name, f"told {said[:40]}")
        check(said or stream.closed in codes, name, f"closed with {getattr(stream, 'closed', None)}, not {codes}")
        check(said or read_to_end(stream.socket) is not None, name, "still open")
    except TimeoutError:
        check(False, name, "still open")
    except OSError as error:
        check(False, name, f"cut off without a close frame: {error}")


def goes_on(name, stream, pieces, pause=0.005):
    """Says one piece after the other, and only then reads: the connection must be closed in time."""
    stream.open()
    stream.socket.setblocking(False)
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # full soon, if it does not read
    end, rest = time.monotonic() + 2 * PATIENCE, b""  # the kernel holds megabytes before anybody is stuck
    while time.monotonic() < end:
        try:
            rest = rest or next(pieces, b"")
            if rest:
                rest = rest[stream.socket.send(rest) :]
            elif not stream.socket.recv(65536):
                return
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            return
        time.sleep(pause)
    check(False, name, "still open")


def works():
    """The good way, or all that is refused would show nothing."""
    for stream in (sip.Ws(WS, SOURCE), sip.Wss(WSS, SOURCE), sip.Tls(TLS, SOURCE)):
        check(sip.status(stream.ask(options())) == 200, stream.name, "OPTIONS is not answered 200")
        if stream.name == "TLS":
            continue
        check(b"sec-websocket-protocol: sip" in stream.answer.lower(), stream.name, "sub-protocol not answered")
        stream.socket.sendall(sip.frame(b"hello", 9))
        check(stream.next_frame() == (10, b"hello"), stream.name, "a ping has no pong")
        stream.send(b"\r\n\r\n")
        check(stream.receive() == b"\r\n", stream.name, "a keep-alive has no answer")
        half = options()
        stream.socket.sendall(sip.frame(half[:100], 2, last=False) + sip.frame(b"", 9) + sip.frame(half[100:], 0))
        check(stream.next_frame()[0] == 10 and sip.status(stream.receive()) == 200, stream.name, "fragments are not one message")


def is_old(name, version):
    """A client of an old version of TLS: refused in the handshake."""
    context = sip.trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        sip.Tls(TLS, SOURCE, context).open()
        check(False, name, "taken")
    except ssl.SSLError as error:
        check("alert" in str(error).lower() or "version" in str(error).lower(), name, str(error))


def tries():
    good, message = sip.upgrade(), options()
    yield is_refused, "another sub-protocol", WS, sip.upgrade("/", "chat"), 400
    yield is_refused, "no sub-protocol", WS, sip.upgrade("/", None), 400
    yield is_refused, "another path", WS, sip.upgrade("/elsewhere"), 404
    yield is_refused, "another origin", WS, sip.upgrade("/", "sip", "Origin: https://evil.example.com"), 403
    yield is_refused, "no upgrade", WS, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, 426
    yield is_refused, "another version", WS, good.replace(b"Version: 13", b"Version: 8"), 400, 426
    yield is_refused, "a POST", WS, good.replace(b"GET", b"POST"), 400, 405, 426
    yield is_refused, "a head of 20 kB", WS, sip.upgrade("/", "sip", "X: " + "x" * 20_000), 400, 431
    yield is_refused, "SIP without an upgrade", WS, message, 400
    yield is_refused, "half a head", WS, good[:50], 408, None
    yield is_refused, "nothing", WS, b"", 408, None

    yield is_closed, "no SIP", sip.frame(b"hello"), *ANY
    yield is_closed, "nothing in a frame", sip.frame(b""), *ANY
    yield is_closed, "NULs", sip.frame(bytes(100), 2), *ANY
    yield is_closed, "half a message", sip.frame(message[:100]), *ANY
    yield is_closed, "two messages in a frame", sip.frame(message + message), *ANY
    yield is_closed, "a byte too much", sip.frame(message + b"x"), *ANY
    yield is_closed, "a body that is not all there", sip.frame(options(b"body")[:-1]), *ANY
    yield is_closed, "70 kB", sip.frame(options(b"x" * 70_000)), 1009
    yield is_closed, "a gigabyte announced", sip.frame(b"OPTIONS", size=1 << 30), 1009
    yield is_closed, "2^63 announced", sip.frame(b"OPTIONS", size=1 << 63), 1002, 1009
    pieces = sip.frame(message[:50], last=False) + sip.frame(b"x" * 60_000, 0, last=False)
    yield is_closed, "70 kB in pieces", pieces + sip.frame(b"x" * 10_000, 0), 1009
    yield is_closed, "no mask", b"\x81\x05hello", 1002
    yield is_closed, "an unknown kind of frame", sip.frame(message, 3), 1002
    yield is_closed, "a bit that is reserved", bytes([0xC1]) + sip.frame(message)[1:], 1002
    yield is_closed, "the end of nothing", sip.frame(message, 0), 1002
    yield is_closed, "a message within a message", sip.frame(message, last=False) + sip.frame(message), 1002
    yield is_closed, "a ping of 200 bytes", sip.frame(b"x" * 200, 9), 1002
    yield is_closed, "half a ping", sip.frame(b"x", 9, last=False), 1002
    yield is_closed, "no UTF-8", sip.frame(b"\xff\xfe" + message), 1007
    empty, begun = sip.frame(b"", 0, last=False), sip.frame(message[:50], last=False)
    yield goes_on, "a message without an end", sip.Ws(WS, SOURCE), iter([begun] + [empty * 100] * 100_000)
    yield goes_on, "half a frame", sip.Ws(WS, SOURCE), iter([sip.frame(message)[:50]])
    yield goes_on, "requests, and reads nothing", sip.Ws(WS, SOURCE), iter([sip.frame(message) * 100] * 100_000)
    yield goes_on, "pings, and reads nothing", sip.Ws(WS, SOURCE), iter([sip.frame(b"x" * 125, 9) * 500] * 100_000)
    yield goes_on, "requests, and reads nothing, over wss", sip.Wss(WSS, SOURCE), iter([sip.frame(message) * 100] * 100_000)
    yield goes_on, "requests, and reads nothing, over TLS", sip.Tls(TLS, SOURCE), iter([message * 100] * 100_000)

    yield is_old, "TLS 1.0", ssl.TLSVersion.TLSv1
    yield is_old, "TLS 1.1", ssl.TLSVersion.TLSv1_1
    for name, words in {"SIP without TLS": message, "a record of rubbish": b"\x16\x03\x01\x01\x00" + b"x" * 256}.items():
        for port in (TLS, WSS):
            yield is_refused_by_tls, name, port, words


def is_refused_by_tls(name, port, words):
    """Closed at once, with an alert at most."""
    stream = sip.Tcp(port, SOURCE)
    stream.open()
    stream.send(words)
    heard = read_to_end(stream.socket)
    check(heard is not None, name, "still open")
    check(not heard or heard[0] == 21, name, f"told {heard}")


works()
threads = [threading.Thread(target=what, args=arguments) for what, *arguments in tries() if ALONE in (None, arguments[0])]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"{len(threads)} hostile handshakes and WebSockets, {len(faults)} went wrong")
sys.exit("\n".join(faults) or 0)
