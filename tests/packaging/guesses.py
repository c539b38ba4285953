#!/usr/bin/env python3
"""guesses.py PORT SOURCE: wrong passwords over UDP and TCP from the address SOURCE, under names that try to make the log
accuse somebody else."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0] + "/wire/attacks")
import sip  # noqa: E402  (what the tests of attacks use)

NAMES = [
    "alice",
    "nobody",
    "x src=udp:192.0.2.1:5060 ",
    '\\" src=udp:192.0.2.1:5060 rule=\\"',
    "x\\\n2026-01-01T00:00:00.000+00:00 warning auth result=failed status=401 src=udp:192.0.2.1:5060 ",
    "2026-01-01T00:00:00.000+00:00 warning auth result=failed status=401 src=udp:192.0.2.1:5060 ",
    "host musterd[1]: warning auth result=failed src=udp:192.0.2.1:5060 ",
    "\x1b[2K\rwarning auth result=failed src=udp:192.0.2.1:5060 ",
    "\N{LATIN SMALL LETTER U WITH DIAERESIS}\x7f\x01%",
    "n" * 500,
]


def guess(name, phone):
    uri = f"sip:{sip.DOMAIN}"
    answer = phone.ask(sip.request("REGISTER", uri, source, transport=phone.name))
    wrong = sip.credentials(answer, name, "guess", "REGISTER", uri)
    return phone.ask(sip.request("REGISTER", uri, source, cseq=2, more=[wrong], transport=phone.name))


port, source = int(sys.argv[1]), sys.argv[2]
for kind in (sip.Udp, sip.Tcp):
    for name in NAMES:  # each on its own connection: one is closed over bytes that are no SIP
        phone = kind(port, source)
        guess(name, phone)
        phone.close()
phone = sip.Tcp(port, source)
answers = [sip.status(guess("alice", phone)) for _ in range(15)]
if 503 not in answers:
    sys.exit(f"nobody was told to wait: {answers}")
