#!/usr/bin/env python3
"""honest.py [--pause SECONDS] [--anew] USER PASSWORD RESPONSES TRANSPORT:PORT:SOURCE...: registers over each in turn, again
and again, until it is told to stop; --anew: streams are opened each time.

Each registration must get its 200, whatever else goes on. Says how many there were and the slowest;
the digest responses that were sent go into the file RESPONSES.
"""

import argparse
import signal
import sys
import time

import sip

arguments = argparse.ArgumentParser()
arguments.add_argument("--pause", type=float, default=0.2)
arguments.add_argument("--anew", action="store_true")
for name in ("user", "password", "responses"):
    arguments.add_argument(name)
arguments.add_argument("ways", nargs="+")
told = arguments.parse_args()

stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
ways = [sip.WAYS[kind](int(port), source) for kind, port, source in (way.split(":") for way in told.ways)]
done, slowest, refused, sent = 0, 0.0, [], []
while not stopped or done < len(ways):
    for way in ways:
        begin = time.monotonic()
        answer = sip.register(way, told.user, told.password, note=sent)
        done, slowest = done + 1, max(slowest, time.monotonic() - begin)
        if answer != 200:
            refused.append(f"{way.name}: {answer}")
        if told.anew and way.name != "UDP":
            way.close()
    time.sleep(told.pause)
with open(told.responses, "a") as file:
    file.writelines(f"{response}\n" for response in sent)
print(f"{done} honest registrations, {len(refused)} failed, the slowest took {slowest * 1000:.0f} ms")
sys.exit(f"not answered 200: {', '.join(refused)}" if refused else 0)
