# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The jobs of convoy-work in Python: one job in one mode, once.

    python3 -B convoy_work.py -j countdown -m threads -w 2
    python3 -B convoy_work.py --identify

Runs unchanged with CPython 2.7, 3.6 and later, and with PyPy. Prints the same JSON as
convoy-work, "convoy.work/1"; docs/workloads.md says what differs.

Exit status: 0 done; 2 usage; 6 failed (a wrong result, a worker that died).
"""
import os
import sys

# Also without -B, and before anything of ours is imported: nobody asked for files.
sys.dont_write_bytecode = True
# The folder of a script is not where modules are looked for with -P, -I or PYTHONSAFEPATH.
HERE = os.path.dirname(os.path.abspath(__file__))
if HERE not in sys.path:
    sys.path.insert(0, HERE)


def main():
    # Here and not above: a spawned worker imports this file, too, and needs none of it.
    import options
    import runner

    params = options.parse()
    if params is None:
        import identify
        return identify.print_identity()
    return runner.run(params)


if __name__ == "__main__":
    sys.exit(main())
