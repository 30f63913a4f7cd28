"""Jobs of real processes, as the tests start them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import compiling

SECONDS = 240  # no job takes so long
PROGRAM = Path(__file__).with_name("training_program.py")


def environment(**more):
    """What a process of a job needs to know; it compiles as the tests do."""
    source = Path(sys.modules["plait"].__file__).parents[1]
    kept = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    return kept | {"PYTHONPATH": str(source), "JAX_PLATFORMS": "cpu", "XLA_FLAGS": compiling.FLAGS} | more


def started(*arguments):
    """A `plait launch` that has begun."""
    command = [sys.executable, "-m", "plait", "launch", *map(str, arguments)]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def launched(*arguments):
    """The exit code of a `plait launch`, and the lines that it printed to both streams."""
    process = started(*arguments)
    try:
        out, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    return process.returncode, out.splitlines(), err.splitlines()


def trained(folder, processes, devices, *tasks, restarts=0):
    """What each process found out in some tasks of the training program, and what was printed."""
    folder.mkdir(exist_ok=True)
    shape = ("-n", processes, "--devices", devices, "--restarts", restarts)
    code, out, err = launched(*shape, PROGRAM, folder, *tasks)
    assert code == 0, "\n".join(err)
    return [json.loads((folder / f"{index}.json").read_text()) for index in range(processes)], out


def assert_close(found, expected, where=""):
    """Two structures of numbers are equal to 1e-5."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for name, value in expected.items():
            assert_close(found[name], value, f"{where}/{name}")
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=where)
