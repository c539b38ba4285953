#!/usr/bin/env python3
"""idle.py TLS COUNT: phones of u1, u2 ... that register over TLS, each from an address of its own, and say nothing more. When
standard input ends each must still be connected.
"""

import resource
import sys
import time

import sip

tls, count = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
context, phones, begin = sip.trusting(), [], time.monotonic()
for number in range(1, count + 1):
    phone = sip.Tls(tls, f"127.1.{number >> 8}.{number & 255}", context)
    answer = sip.register(phone, f"u{number}", "pw")
    if answer != 200:
        sys.exit(f"u{number} was answered {answer}")
    phones.append(phone)
print(f"{count} phones registered over TLS in {time.monotonic() - begin:.1f} s", flush=True)
sys.stdin.read()
lost = 0
for phone in phones:
    phone.socket.settimeout(0)
    try:
        lost += phone.socket.recv(65536) == b""
    except OSError as error:
        lost += not isinstance(error, (BlockingIOError, sip.ssl.SSLWantReadError))
sys.exit(f"{lost} connections were lost" if lost else 0)
