#!/usr/bin/env python3
"""freeze.py PID NAME SECONDS: the thread of that name stands still for so long, the others go on. 77: not allowed."""
import ctypes
import os
import sys
import time

ATTACH, DETACH = 16, 17
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

pid, name, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
threads = {open(f"/proc/{pid}/task/{t}/comm").read().strip(): int(t) for t in os.listdir(f"/proc/{pid}/task")}
thread = threads[name]
if libc.ptrace(ATTACH, thread, None, None) != 0:
    print(os.strerror(ctypes.get_errno()))
    sys.exit(77)
os.waitpid(thread, 0x40000000)  # __WALL
print("frozen", flush=True)
time.sleep(seconds)
libc.ptrace(DETACH, thread, None, None)
