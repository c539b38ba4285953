#!/usr/bin/env python3
"""datagrams.py PORT FOLDER: how much of an answer a datagram of somebody who has shown nothing gets.

At most one datagram and three times the bytes, only to where it came from; silence to an ACK, to a response and to
what is not SIP. FOLDER holds more messages, one a file.
"""

import os
import pathlib
import selectors
import socket
import sys
import time

import sip

PORT, FOLDER = int(sys.argv[1]), pathlib.Path(sys.argv[2])
SOURCE, ELSEWHERE = "127.0.0.5", "127.0.0.6"
LISTEN = 4  # s: long enough for three repetitions of an answer that is kept for them



def opened(address, at=0):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, at))
    return one


home = opened(SOURCE)  # where an answer goes by the port of sent-by: the address is that of the source all the same
AT = home.getsockname()[1]
third = opened(ELSEWHERE, AT)  # whom a Via, a Route and a Contact name; nothing may come here
OTHER = f"{ELSEWHERE}:{AT}"


def small(method, uri="sip:a@example.com", *more, sent_by=f"a:{AT}", extra=""):
    """As few bytes as a request can be made of."""
    return "\r\n".join((
        f"{method} {uri} SIP/2.0", f"v:SIP/2.0/UDP {sent_by};branch=z9hG4bK{os.urandom(3).hex()}{extra}",
        "f:<sip:a@example.com>;tag=1", "t:<sip:a@example.com>", f"i:{os.urandom(3).hex()}", f"CSeq:1 {method}", *more, "", ""
    )).encode()


def messages():
    """Pairs of a message and whether it may be answered at all."""
    guess = 'Authorization:Digest username="a",realm="example.com",nonce="x",uri="sip:a",response="%s"' % ("0" * 32)
    for method in "REGISTER OPTIONS INVITE MESSAGE SUBSCRIBE NOTIFY PUBLISH BYE CANCEL INFO PRACK X".split():
        yield small(method), True
        yield small(method, "sip:example.com"), True
        yield small(method, "sip:alice@example.com"), True
        yield small(method, "sip:a@elsewhere.example"), True
        yield sip.request(method, "sip:nobody@example.com", SOURCE), True
        yield small(method, sent_by=OTHER), True
        yield small(method, extra=f";maddr={ELSEWHERE};received={ELSEWHERE};rport={AT}"), True
        yield small(method, "sip:a@example.com", f"Route:<sip:{OTHER};lr>", f"m:<sip:{OTHER}>"), True
    yield small("REGISTER", "sip:example.com", "m:*"), True
    yield small("REGISTER", "sip:example.com", "m:<sip:a@a>", guess), True
    yield small("REGISTER", "sip:example.com", "Require:" + ",".join("abcdefghijkl")), True
    yield small("OPTIONS", "sip:example.com", "Max-Forwards:0"), True
    yield small("REGISTER", "tel:1"), True
    yield small("REGISTER", "sip:example.com", "Content-Length:-1"), True
    yield small("REGISTER").replace(b"SIP/2.0\r", b"SIP/3.0\r", 1), True
    yield small("ACK"), False
    yield small("ACK", "sip:alice@example.com"), False
    for status in 100, 180, 200, 401, 500:
        yield small("INVITE").replace(b"INVITE sip:a@example.com SIP/2.0", b"SIP/2.0 %d X" % status), False
    for rubbish in b"x", b"\0" * 20, b"\r\n\r\n", b"INVITE", b"GET / HTTP/1.1\r\n\r\n", b"SIP/2.0 200", os.urandom(800):
        yield rubbish, False
    yield small("OPTIONS").replace(b"v:SIP", b"x:SIP"), False  # no Via: nowhere to answer to
    for path in sorted(FOLDER.rglob("*.dat")):
        message = path.read_bytes()
        yield message, not message.startswith((b"ACK", b"SIP"))


def call_id(message):
    return sip.field(message, "Call-ID") or sip.field(message, "i")


selector, asked, faults, most = selectors.DefaultSelector(), {}, [], 0.0
selector.register(home, selectors.EVENT_READ)
for message, answered in messages():
    one = opened(SOURCE)
    one.sendto(message, ("127.0.0.1", PORT))
    selector.register(one, selectors.EVENT_READ)
    asked[one] = (message, answered, [])
by_call_id = {call_id(message): one for one, (message, _, _) in asked.items()}
end = time.monotonic() + LISTEN
while (left := end - time.monotonic()) > 0:
    for key, _ in selector.select(left):
        answer = key.fileobj.recv(65536)
        asked[key.fileobj if key.fileobj is not home else by_call_id[call_id(answer)]][2].append(answer)

told = 0
for message, answered, heard in asked.values():
    size, name = sum(map(len, heard)), message[:60]
    most, told = max(most, size / len(message)), told + len(heard)
    if len(heard) > 1 or size > 3 * len(message):
        faults.append(f"{name}: {len(heard)} datagrams, {size} bytes for {len(message)}")
    if heard and not answered:
        faults.append(f"{name}: answered {heard[0][:40]}")
    if any(sip.field(answer, name) for answer in heard for name in ("Server", "User-Agent")):
        faults.append(f"{name}: says what it is")
if told < len(asked) / 2:
    faults.append(f"only {told} answers: nothing was tried")
third.setblocking(False)
try:
    faults.append(f"a third party was sent {third.recv(65536)[:80]}")
except BlockingIOError:
    pass
print(f"{len(asked)} datagrams, {told} answers, at most {most:.2f} times the bytes; {len(faults)} went wrong")
sys.exit("\n".join(faults) or 0)
