# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is said: JSON on standard output, messages on standard error."""
import os
import sys

DONE, USAGE, FAILED = 0, 2, 6


class Failed(Exception):
    """What ends a run without a result; the message says why, and is all there is to say."""


def write_all(fd, text):
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(fd, data):]


def say(message):
    """A whole line on standard error. Nobody is left to tell if that does not work."""
    harmless = "".join(c if c >= " " and c != "\x7f" else "?" for c in message)
    try:
        write_all(2, "convoy_work.py: %s\n" % harmless)
    except OSError:
        pass


def write(text):
    """One text on standard output; returns the exit status.

    Past sys.stdout: what that cannot write it tries again when the interpreter ends, which
    then decides the exit status.
    """
    try:
        write_all(1, text + "\n")
    except OSError as error:
        say("cannot write to standard output: %s" % error.strerror)
        return FAILED
    return DONE


def end_the_run():
    """Out of an except clause, in any thread: say what happened and end this process.

    At once, whatever others wait for. A child's end is noticed by the main process, and the
    main process's by the kernel, which ends its children.
    """
    import traceback

    try:
        write_all(2, traceback.format_exc() if sys.version_info[0] > 2 else
                  traceback.format_exc().decode("utf-8", "replace"))
    finally:
        os._exit(FAILED)
