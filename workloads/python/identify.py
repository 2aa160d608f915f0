# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What this interpreter is, as one line of JSON: "convoy.interpreter/1"."""
import json
import platform
import sys
import sysconfig

import output


def name_of(implementation, version):
    if implementation == "CPython":
        free_threaded = sysconfig.get_config_var("Py_GIL_DISABLED")
        debug = sysconfig.get_config_var("Py_DEBUG")
        return "python%d.%d%s%s" % (sys.version_info[0], sys.version_info[1],
                                    "t" if free_threaded else "", "d" if debug else "")
    if implementation == "PyPy":
        return "pypy%d" % sys.version_info[0]
    return implementation.lower() + version


def print_identity():
    implementation, version = platform.python_implementation(), platform.python_version()
    return output.write(json.dumps({
        "schema": "convoy.interpreter/1",
        "implementation": implementation,
        "name": name_of(implementation, version),
        "version": version,
        "executable": sys.executable or None,
    }))
