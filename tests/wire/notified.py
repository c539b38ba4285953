#!/usr/bin/env python3
"""notified.py SOCKET: what a daemon tells its service manager (sd_notify), a line each."""
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
    receiver.bind(sys.argv[1])
    while True:
        for line in receiver.recv(65536).decode().splitlines():
            print(line, flush=True)
