#!/usr/bin/env python3
"""noise.py PORT FOLDER SECONDS RESPONSES: torture messages and what is left of them, guesses, streams half open.

FOLDER holds messages, one a file. The digest responses of the guesses go into the file RESPONSES.
"""

import collections
import itertools
import os
import pathlib
import random
import signal
import socket
import sys
import time

import sip

PORT, FOLDER, SECONDS = int(sys.argv[1]), pathlib.Path(sys.argv[2]), float(sys.argv[3])
HALF_OPEN = 200
SOURCE = "127.0.0.7"
signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # enough of it



class Guesser(sip.Udp):
    """Asks once: silence is an answer too, when one guesses."""

    def ask(self, message, patience=0.1):
        self.socket.settimeout(patience)
        try:
            self.socket.send(message)
            while (answer := self.socket.recv(65536)) and sip.field(answer, "Call-ID") != sip.field(message, "Call-ID"):
                pass
            return answer
        except OSError:
            return b""


udp = Guesser(PORT, SOURCE)
streams = collections.deque()


def damaged(message):
    """Cut short, bytes changed, a piece said again."""
    message = bytearray(message)
    for _ in range(random.randrange(4)):
        at = random.randrange(len(message))
        message[at : at + random.choice((0, 1, 1, 40))] = random.choice((b"", os.urandom(1), b"\0", b"\r\n", message[:at]))[:2000]
    return bytes(message[: random.choice((len(message), random.randrange(1, 1 + len(message))))]) or b"x"


def guess(number):
    told = []
    sip.register(udp, random.choice(("u1", "alice", f"nobody{number}")), f"guess{number}", note=told, contact=False)
    with open(sys.argv[4], "a") as file:
        file.writelines(f"{response}\n" for response in told)


def half_open(message):
    """Leaves a connection with part of a message in it; the oldest goes, mostly without a word."""
    stream = socket.socket()
    stream.settimeout(5)
    try:
        stream.bind((SOURCE, 0))
        stream.connect(("127.0.0.1", PORT))
        stream.sendall(message)
    except OSError:
        pass
    streams.append(stream)
    if len(streams) > HALF_OPEN:
        streams.popleft().close()


messages = [path.read_bytes() for path in sorted(FOLDER.rglob("*.dat"))]
end = time.monotonic() + SECONDS
for number in itertools.count():
    if time.monotonic() > end:
        break
    for message in messages:
        for datagram in message, damaged(message), os.urandom(random.randrange(1, 1400)):
            try:
                udp.socket.send(datagram)
            except OSError:
                pass
    for message in random.sample(messages, 20):
        half_open(damaged(message))
    for _ in range(20):
        guess(random.randrange(10**9))
    time.sleep(0.05)
print(f"{number} rounds of noise")
