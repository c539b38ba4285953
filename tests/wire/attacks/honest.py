#!/usr/bin/env python3
"""honest.py PORT USER PASSWORD RESPONSES: registers over UDP from 127.0.0.2 and over TCP from 127.0.0.3, until it is told to stop.

Each registration must get its 200, whatever else goes on. Says how many there were and the slowest;
the digest responses that were sent go into the file RESPONSES.
"""

import signal
import sys
import time

import sip

port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
ways = [sip.Udp(port, "127.0.0.2"), sip.Tcp(port, "127.0.0.3")]
done, slowest, refused, sent = 0, 0.0, [], []
while not stopped or done < 2:
    for way in ways:
        begin = time.monotonic()
        told = sip.register(way, user, password, note=sent)
        done, slowest = done + 1, max(slowest, time.monotonic() - begin)
        if told != 200:
            refused.append(f"{way.name}: {told}")
    time.sleep(0.2)
with open(sys.argv[4], "a") as file:
    file.writelines(f"{response}\n" for response in sent)
print(f"{done} honest registrations, {len(refused)} failed, the slowest took {slowest * 1000:.0f} ms")
sys.exit(f"not answered 200: {', '.join(refused)}" if refused else 0)
