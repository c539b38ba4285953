#!/usr/bin/env python3
"""type.py SCRIPT SHELL...: an interactive shell in a terminal of its own that has sourced SCRIPT. Each line of standard
input is typed into it and completed with TAB; what the line is then is printed."""

import os
import pty
import select
import sys
import time

DEADLINE = 20
BEGIN, END, ERASE = b"\x01", b"\x05", b"\x15"


class Shell:
    def __init__(self, command):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)
        self.heard = b""

    def type(self, keys):
        os.write(self.terminal, keys)

    def until(self, word):
        """Reads until the shell has said it, and returns what came before it."""
        end = time.monotonic() + DEADLINE
        while word not in self.heard:
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            if not ready:
                sys.exit(f"the shell does not say {word}: {self.heard[-2000:]}")
            self.heard += os.read(self.terminal, 65536)
        before, self.heard = self.heard.split(word, 1)
        return before

    def complete(self, line):
        # The line is made an argument of echo, between words that are never typed as they are printed.
        self.type(line.encode() + b"\t" + BEGIN + b"echo BEG''IN'" + END + b"'E''ND\r")
        self.until(b"BEGIN")
        return self.until(b"END").decode()


def main():
    shell = Shell(sys.argv[2:])
    shell.type(f"PS1=; PS2=; . {sys.argv[1]}; echo REA''DY\r".encode())
    shell.until(b"READY")
    for line in sys.stdin:
        print(shell.complete(line.rstrip("\n")).strip())
    os.close(shell.terminal)
    os.waitpid(shell.pid, 0)


main()
