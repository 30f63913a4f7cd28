"""Writes backups in forked processes that die, or whose disk fails, at each write, sync and rename: `backup_victim.py FOLDER ACTION ERROR`.

Runs with `shim.c` preloaded, and prints one JSON list: for each call, how the process ended and which backup is read then.
"""

import ctypes
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np

from plait.errors import FileError
from plait.training import backups

FAILED, OTHER = 5, 6


def backup(folder, number):
    """Writes a backup whose values are all a number."""
    about = {
        "format": backups._FORMAT, "epoch": number, "step": 0, "stopped": False, "seconds": 0.0, "data": {}, "variables": [], "callbacks": [],
        "logs": None, "start": {"kind": "dict", "items": []}, "begin": {"kind": "dict", "items": []},
    }  # fmt: skip
    backups._write(
        folder, about, [np.full(5000, number, "float32"), np.full(3, number, "float32")], [np.full(9, number, "u1")]
    )


def number_read(folder):
    """The number of the backup that a new run would go on from; it is the same everywhere in it."""
    keeper = backups.Keeper(folder, None)
    try:
        kept = keeper.read()
    finally:
        keeper.close(ended=False)
    floats = {float(value) for name in ("v0", "v1") for value in kept.stored[name].view("float32")}
    numbers = floats | set(kept.stored["a0"].tolist()) | {kept.place[0]}
    assert len(numbers) == 1, f"two backups are mixed: {numbers}"
    return int(numbers.pop())


def struck(shim, folder, call, action, error):
    """Has the third backup fail at a call; how it ended."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    backup(folder, 1)
    backup(folder, 2)
    child = os.fork()
    if not child:
        code = OTHER
        try:
            shim.shim_arm(call, action, error)
            backup(folder, 3)
            code = 0 if shim.shim_count() < call else OTHER
        except FileError:
            code = FAILED
        except BaseException as problem:
            print(repr(problem), file=sys.stderr)
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder, action, error):
    shim, found = ctypes.CDLL(os.environ["LD_PRELOAD"]), []
    while not found or found[-1][0] != 0:
        ended = struck(shim, folder, len(found) + 1, action, error)
        read = number_read(folder)
        backup(folder, 4)
        left = sorted(path.name for path in folder.iterdir())
        found.append([ended, read, number_read(folder), left])
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
