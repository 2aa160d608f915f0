# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a worker asks of the kernel: the time, a sleep, who it is, its account, its end."""
import os
import signal
import time

PR_SET_PDEATHSIG = 1
CLOCK_MONOTONIC = 1


def clock_of_libc():
    """CLOCK_MONOTONIC for Python 2, which has no such clock."""
    import ctypes

    class Timespec(ctypes.Structure):
        _fields_ = [("seconds", ctypes.c_long), ("ns", ctypes.c_long)]

    try:
        clock_gettime = ctypes.CDLL(None, use_errno=True).clock_gettime
    except AttributeError:    # before glibc 2.17
        clock_gettime = ctypes.CDLL("librt.so.1", use_errno=True).clock_gettime

    def clock():
        at = Timespec()
        if clock_gettime(CLOCK_MONOTONIC, ctypes.byref(at)):
            raise OSError(ctypes.get_errno(), "clock_gettime")
        return at.seconds * 1000000000 + at.ns
    return clock


# now(): CLOCK_MONOTONIC, ns
if hasattr(time, "monotonic_ns"):
    now = time.monotonic_ns
elif hasattr(time, "clock_gettime"):    # 3.6; good to 4 ns in the first year after boot
    def now():
        return int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e9)
else:
    now = clock_of_libc()


def sleep(ns):
    """time.sleep(), and what is left if that was less: 2.7 cuts to microseconds."""
    until = now() + ns
    time.sleep(ns / 1e9)
    left = until - now()
    while left > 0:
        time.sleep(left / 1e9)
        left = until - now()


def tid():
    return int(os.readlink("/proc/thread-self").rsplit("/", 1)[1])


def name_thread(name):
    with open("/proc/self/task/%d/comm" % tid(), "w") as comm:
        comm.write(name)


def schedstat():
    """The scheduler's account of this thread: ns on a CPU, ns waiting for one; else None."""
    try:
        with open("/proc/thread-self/schedstat") as stat:
            run, delay = stat.read().split()[:2]
    except (IOError, OSError):    # a kernel that keeps none
        return None
    return int(run), int(delay)


def let_signals_end_us():
    """As they end a C program: at once, wherever Python is, and without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Inherited as ignored, it would hide the ends of our children from us.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def die_with(parent):
    """Let the kernel end this process when its parent is no more."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:    # it died before that call
        os._exit(0)
