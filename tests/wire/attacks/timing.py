#!/usr/bin/env python3
"""timing.py PORT COUNT USER: can the time of an answer tell a user that exists from one that does not?

COUNT wrong passwords of each, in turn, over one socket, each answered before the next. Prints the medians and the AUC: how
often an answer for USER takes longer than one for somebody unknown (0.5: as often as not). Both answers must be alike.
"""

import gc
import os
import random
import re
import statistics
import sys
import time

import sip

port, count, known = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
unknown = known[:-1] + ("y" if known[-1] != "y" else "x")
udp = sip.Udp(port)
URI = f"sip:{sip.DOMAIN}"


def guess(user, nonce):
    return sip.request("REGISTER", URI, udp.source, user, more=[
        f"Contact: <sip:{user}@{udp.source}:5999>",
        sip.credentials(nonce, user, "", "REGISTER", URI, response=os.urandom(digits // 2).hex()),
    ])


def shape(answer):
    """What is left of an answer when all that must differ is taken out."""
    for what in known, unknown:
        answer = answer.replace(what.encode(), b"USER")
    return re.sub(rb'((?:branch|tag|nonce)="?|Call-ID: )[^;"\r]*', rb"\1", answer)


def auc(longer, shorter):
    """Mann and Whitney: ranks, ties shared."""
    ranked = sorted([(value, 1) for value in longer] + [(value, 0) for value in shorter])
    total, i = 0.0, 0
    while i < len(ranked):
        j = i
        while j < len(ranked) and ranked[j][0] == ranked[i][0]:
            j += 1
        total += (i + j + 1) / 2 * sum(mine for _, mine in ranked[i:j])
        i = j
    return (total - len(longer) * (len(longer) + 1) / 2) / (len(longer) * len(shorter))


challenge = udp.ask(sip.request("REGISTER", URI, udp.source))
digits = {"MD5": 32}.get(re.search(r"algorithm=([\w-]+)", sip.field(challenge, "WWW-Authenticate")).group(1), 64)
times, shapes = {known: [], unknown: []}, set()
gc.disable()
for i in range(count):
    if i % 1000 == 999:
        challenge = udp.ask(sip.request("REGISTER", URI, udp.source))
    for user in random.sample((known, unknown), 2):
        message = guess(user, challenge)
        begin = time.perf_counter_ns()
        udp.socket.send(message)
        answer = udp.socket.recv(65536)
        times[user].append(time.perf_counter_ns() - begin)
        shapes.add((len(answer), shape(answer)))
found = auc(times[known], times[unknown])
print(f"{count} each: known {statistics.median(times[known]) / 1000:.1f} us, "
      f"unknown {statistics.median(times[unknown]) / 1000:.1f} us, AUC {found:.3f}")
if len(shapes) != 1:
    sys.exit("the answers differ:\n" + "\n".join(str(one) for one in sorted(shapes)[:4]))
if not 0.35 <= found <= 0.65:
    sys.exit("time tells who exists")
