"""Freed memory stays with the process; or goes back, where somebody says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = str(Path(__file__).parents[2] / "src")
CODE = """
import ctypes, resource, sys, threading
import plait
if not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
    sys.exit()

def faults():
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        bytearray(b"x") * 100_000_000
        print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

for run in (faults, lambda: [thread := threading.Thread(target=faults), thread.start(), thread.join()]):
    run()
"""


def faults(**environment):
    """Page faults of four allocations of 100 MB, two of them on a thread; none where there is no glibc."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "PLAIT_"))}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**kept, "PYTHONPATH": SOURCES, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(line) for line in done.stdout.split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own way with memory")
def test_what_is_freed_is_used_again():
    counts = faults()
    assert not counts or (counts[0] > 10_000 and max(counts[1:]) < 5_000)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own way with memory")
@pytest.mark.parametrize("said", [{"PLAIT_KEEP_MEMORY": "0"}, {"MALLOC_ARENA_MAX": "4"}])
def test_others_have_their_say(said):
    counts = faults(**said)
    assert not counts or min(counts) > 10_000
