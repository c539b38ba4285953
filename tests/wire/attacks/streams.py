#!/usr/bin/env python3
"""streams.py PORT: what a TCP client may try. Every try has a connection of its own, all at the same time.

One request has one answer, whatever its lengths claim; who stalls, dawdles or never ends is closed after 30 s at the
latest (docs/net.md, "Streams").
"""

import itertools
import resource
import socket
import sys
import threading
import time

import sip

PORT = int(sys.argv[1])
SOURCE, CROWD = "127.0.0.1", "127.0.0.4"
PATIENCE = 45  # 30 s, a scan a second, and a machine that has other things to do
MOST_OF_SOURCE = 1000
faults = []


def check(ok, name, what):
    if not ok:
        faults.append(f"{name}: {what}")


def connect(source=SOURCE):
    stream = socket.socket()
    stream.bind((source, 0))
    stream.settimeout(PATIENCE)
    stream.connect(("127.0.0.1", PORT))
    return stream


def options(*more, body=b""):
    return sip.request("OPTIONS", "sip:example.com", SOURCE, more=more, body=body, transport="TCP")


def smuggles(name, message, *statuses):
    """A request whose end is a matter of opinion, with another one behind or within: one answer, then the end."""
    stream = connect()
    heard = b""
    try:
        stream.sendall(message)
        while got := stream.recv(65536):
            heard += got
    except TimeoutError:
        return check(False, name, "still open")
    except OSError:
        pass
    found = [int(line[8:11]) for line in heard.split(b"\r\n") if line.startswith(b"SIP/2.0 ")]
    check(len(found) == 1 and found[0] in statuses, name, f"answered {found}, not once {statuses}")


def goes_on(name, pieces, pause, reads=True):
    """Says one piece after the other until the connection is closed, which must come in time."""
    stream = connect()
    stream.setblocking(False)
    end, rest = time.monotonic() + PATIENCE, b""
    if not reads:  # the kernel holds megabytes before anybody is stuck
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        end += PATIENCE
    while time.monotonic() < end:
        try:
            rest = rest or next(pieces, b"")
            rest = rest[stream.send(rest) :]
        except BlockingIOError:
            pass
        except OSError:
            return
        if reads and is_closed(stream):
            return
        time.sleep(pause)
    check(False, name, "still open")


def crowd():
    """More connections than one source may have: those beyond are closed at once."""
    streams = [connect(CROWD) for _ in range(MOST_OF_SOURCE + 100)]
    time.sleep(2)
    closed = sum(is_closed(stream) for stream in streams)
    check(closed == 100, "a crowd of one source", f"{closed} were closed")
    return streams


def is_closed(stream, patience=0):
    stream.settimeout(patience)
    try:
        return stream.recv(65536) == b""
    except (BlockingIOError, TimeoutError):
        return False
    except OSError:
        return True


def tries():
    hidden = options()
    for name, lines in {
        "two lengths": ["Content-Length: 0", f"Content-Length: {len(hidden)}"],
        "two lengths, one short": [f"Content-Length: {len(hidden)}", "l: 0"],
        "the same length twice": ["Content-Length: 0", "Content-Length: 0"],
        "a list": ["Content-Length: 0, 0"],
        "folded": ["Content-Length: 0", " 1"],
        "folded before": ["Content-Length:", f" {len(hidden)}"],
        "2^32": ["Content-Length: 4294967296"],
        "2^64": ["Content-Length: 18446744073709551616"],
        "2^64 and some": [f"Content-Length: {2**64 + len(hidden)}"],
        "negative": ["Content-Length: -1"],
        "signed": ["Content-Length: +0"],
        "hexadecimal": ["Content-Length: 0x0"],
        "empty": ["Content-Length: "],
        "a comment": ["Content-Length: 0 (none)"],
        "a gigabyte": ["Content-Length: 1073741824"],
    }.items():
        yield smuggles, name, options(*lines) + hidden, 400, 513
    yield smuggles, "no length", options("X: 1").replace(b"Content-Length: 0\r\n", b"") + hidden, 400
    yield smuggles, "a bare LF", options("X: 1\nContent-Length: 0") + hidden, 400
    yield smuggles, "a bare CR", options("X: 1\rContent-Length: 0") + hidden, 400
    yield smuggles, "a space before the colon", options("Content-Length : 0", "Content-Length: 9") + hidden, 400
    yield smuggles, "a head of 70 kB", options(*[f"X-{i}: {'x' * 70}" for i in range(1000)]), 513

    begun = options("Content-Length: 60000")
    head = b"OPTIONS sip:example.com SIP/2.0\r\n"
    say = lambda *pieces: iter(pieces)
    a_byte = (bytes([byte]) for byte in options(*[f"X-{i}: x" for i in range(100)]))
    yield goes_on, "says nothing", say(), 1
    yield goes_on, "a byte a second", a_byte, 1
    yield goes_on, "half a head", say(head), 1
    yield goes_on, "a head without an end", itertools.chain([head], (f"X: {i}\r\n".encode() for i in range(10**9))), 0.02
    yield goes_on, "a body that does not come", say(begun), 1
    yield goes_on, "a body of a byte a second", itertools.chain([begun], itertools.repeat(b"x")), 1
    yield goes_on, "the second message stalls", say(hidden, head), 1
    yield goes_on, "nothing but CRLF", itertools.repeat(b"\r\n" * 4096), 0.002
    yield goes_on, "a CRLF now and then", itertools.repeat(b"\r\n\r\n"), 1
    yield goes_on, "NULs", itertools.repeat(b"\0" * 4096), 0.05
    yield goes_on, "CRLF, and reads nothing", itertools.repeat(b"\r\n" * 4096), 0.005, False
    yield goes_on, "requests, and reads nothing", (options() * 100 for _ in itertools.repeat(0)), 0.005, False


resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
streams = crowd()
threads = [threading.Thread(target=what, args=arguments) for what, *arguments in tries()]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
check(all(is_closed(stream, PATIENCE) for stream in streams), "a crowd of one source", "still open")
print(f"{len(threads)} hostile streams, {len(faults)} went wrong")
sys.exit("\n".join(faults) or 0)
