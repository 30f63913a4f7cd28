"""SIGTERM and SIGINT while a run does one thing or another: exit codes, and the run goes on to the same end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import plait
from faults import signalled_program as program

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(plait.__file__).parents[1])}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The end of a run without signals."""
    return program.train(tmp_path_factory.mktemp("whole"))


def stopped_at(folder, place, *signals):
    """Runs the program up to a place, sends it signals there, and says how it ended."""
    command = [sys.executable, "-W", "ignore", program.__file__, str(folder), place]
    with subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        for number in signals:
            process.send_signal(number)
            heard(process, number)
        if process.poll() is None:
            process.stdin.write(b"on\n")
            process.stdin.flush()
        return process.wait(120)


def heard(process, number):
    """Waits until the process has heard a signal: it takes back its handler, or has ended."""
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = int(status.split("SigCgt:")[1].split()[0], 16)
        pending = int(status.split("ShdPnd:")[1].split()[0], 16)
        mine = 1 << (number - 1)
        if not pending & mine and (number == signal.SIGINT or not caught & mine):
            return
        time.sleep(0.01)


def same_end(folder, whole):
    assert program.train(folder) == whole


linux = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads /proc")


@linux
@pytest.mark.parametrize("place", program.PLACES)
def test_sigterm_is_heard_after_the_step_and_the_run_goes_on_to_the_same_end(place, tmp_path, whole):
    assert stopped_at(tmp_path, place, signal.SIGTERM) == 128 + signal.SIGTERM
    assert (tmp_path / "run" / "latest.backup.npz").exists()
    same_end(tmp_path, whole)


@linux
def test_a_second_sigterm_does_not_wait(tmp_path, whole):
    assert stopped_at(tmp_path, "step", signal.SIGTERM, signal.SIGTERM) == -signal.SIGTERM
    same_end(tmp_path, whole)


@linux
def test_ctrl_c_is_heard_after_the_step_and_the_run_goes_on_to_the_same_end(tmp_path, whole):
    assert stopped_at(tmp_path, "step", signal.SIGINT) == -signal.SIGINT
    same_end(tmp_path, whole)


@linux
def test_a_process_that_was_stopped_for_a_while_goes_on(tmp_path, whole):
    """SIGSTOP and SIGCONT: what a scheduler does to make room."""
    assert stopped_at(tmp_path, "step", signal.SIGSTOP, signal.SIGCONT) == 0
    same_end(tmp_path, whole)  # it had ended
