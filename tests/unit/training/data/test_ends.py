"""Real ends of real programs: Ctrl-C and kill -9 leave no worker process behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[3]
PROGRAM = """
import os
import time

import numpy as np

import plait


class Slow(plait.training.data.PyDataset):
    def __len__(self):
        return 1000

    def __getitem__(self, index):
        if index == 5:
            print("busy", os.getpid(), flush=True)
            time.sleep(600)  # somebody's code that takes long
        return np.ones((2, 2), "float32"), np.ones((2, 1), "float32")


if __name__ == "__main__":
    model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1)])
    model.compile("sgd", "mse")
    print("parent", os.getpid(), flush=True)
    model.fit(Slow(workers=2, use_multiprocessing=True), shuffle=False, verbose=0)
"""


def start(folder):
    (folder / "program.py").write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent / "src")}
    return subprocess.Popen(
        [sys.executable, str(folder / "program.py")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_program(tmp_path, end):
    with start(tmp_path) as program:
        said = dict(line.split() for line in (program.stdout.readline(), program.stdout.readline()))
        if end == signal.SIGINT:
            os.killpg(program.pid, end)  # as a terminal does: to all processes
        else:
            os.kill(program.pid, end)
            os.kill(int(said["busy"]), end)  # it is in somebody's code, and would end when that does
        # The pipes end when every process that writes to them has ended, the workers too.
        _, errors = program.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors if end == signal.SIGINT else program.returncode == -signal.SIGKILL


def test_a_script_without_a_main_guard_is_told_so(tmp_path):
    source = PROGRAM.replace('if __name__ == "__main__":', "if True:")
    (tmp_path / "program.py").write_text(source)
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent / "src")}
    found = subprocess.run(
        [sys.executable, str(tmp_path / "program.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert found.returncode == 1
    assert 'has no `if __name__ == "__main__":` around what it runs' in found.stderr
