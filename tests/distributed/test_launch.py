"""`plait launch` and `plait.distribution.initialize`, with real processes."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plait.launch import _free_port

PROGRAM = Path(__file__).with_name("program.py")
SECONDS = 120  # no test takes so long
END_SECONDS = 30  # in which all have ended when one has died
SAID = re.compile(r"process (\d) of (\d) devices (\d) left \[\] drew (.*)")


def environment(**more):
    source = Path(sys.modules["plait"].__file__).parents[1]
    kept = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    return kept | {"PYTHONPATH": str(source), "JAX_PLATFORMS": "cpu"} | more


def started(*arguments):
    command = [sys.executable, "-m", "plait", "launch", *map(str, arguments)]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def launched(*arguments):
    process = started(*arguments)
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out.splitlines(), err.splitlines()


def test_processes_are_one_job():
    code, out, err = launched("-n", 3, "--devices", 2, PROGRAM, "end")
    assert code == 0, err
    said = sorted(line for line in out if SAID.search(line))
    assert [line[:4] for line in said] == ["[0] ", "[1] ", "[2] "]
    facts = [SAID.search(line).groups() for line in said]
    assert [fact[:3] for fact in facts] == [("0", "3", "6"), ("1", "3", "6"), ("2", "3", "6")]
    assert len({fact[3] for fact in facts}) == 1  # unseeded, and the same numbers


@pytest.mark.parametrize("how", ["raise", "leave"])  # the latter is seen to end after those that it took along
def test_when_one_dies_all_end_and_its_traceback_comes_last(how):
    began = time.monotonic()
    code, _, err = launched("-n", 3, PROGRAM, how)
    assert code == 1
    assert time.monotonic() - began < END_SECONDS
    assert err[-1] == "ValueError: on purpose"
    last = err[err.index("plait launch: process 1 ended first, with exit code 1.") + 1 :]
    assert last[0] == "Traceback (most recent call last):"
    assert str(PROGRAM) in last[1]  # nothing of plait before the program


def test_a_killed_process_is_named():
    began = time.monotonic()
    code, _, err = launched("-n", 2, PROGRAM, "kill")
    assert code == 128 + signal.SIGKILL
    assert time.monotonic() - began < END_SECONDS
    assert err[-1] == "plait launch: process 1 ended first, killed by SIGKILL."


def test_all_start_again(tmp_path):
    code, out, err = launched("-n", 2, "--restarts", 1, PROGRAM, "once", tmp_path / "there")
    assert code == 0, err
    assert "plait launch: starting again; 0 restarts are left." in err
    assert len([line for line in out if SAID.search(line)]) == 4


def test_an_interrupt_reaches_all():
    process = started("-n", 2, PROGRAM, "interrupt")
    try:
        ready = 0
        for line in process.stdout:
            ready += line.endswith("ready\n")
            if ready == 2:
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 128 + signal.SIGINT
    assert err.splitlines()[-1] == "KeyboardInterrupt"


SLURM = {
    "SLURM_JOB_ID": "{port}",
    "SLURM_STEP_NODELIST": "localhost",
    "SLURM_NTASKS": "2",
    "SLURM_PROCID": "{index}",
    "SLURM_LOCALID": "0",
    "SLURM_STEP_NUM_NODES": "1",
}
KUBEFLOW = {
    "JAX_COORDINATOR_ADDRESS": "127.0.0.1:{port}",
    "JAX_NUM_PROCESSES": "2",
    "JAX_PROCESS_ID": "{index}",
}


def ends_of_two(variables, what):
    """The exit codes, outputs and errors of two processes that nobody watches."""
    port = _free_port()
    processes = [
        subprocess.Popen(
            [sys.executable, PROGRAM, what],
            env=environment(**{name: value.format(port=port, index=index) for name, value in variables.items()}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    try:
        ends = [process.communicate(timeout=SECONDS) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, *end) for process, end in zip(processes, ends, strict=True)]


@pytest.mark.parametrize("variables", [SLURM, KUBEFLOW], ids=["SLURM", "Kubeflow"])
def test_the_job_is_found_in_the_environment(variables):
    ends = ends_of_two(variables, "end")
    facts = [SAID.search(out) for _, out, _ in ends]
    assert all(facts), ends
    assert [fact.groups()[:3] for fact in facts] == [("0", "2", "2"), ("1", "2", "2")]
    assert facts[0][4] == facts[1][4]


def test_without_a_launcher_an_exception_ends_all():
    began = time.monotonic()
    (first, _, _), (second, _, err) = ends_of_two(KUBEFLOW, "raise")
    assert time.monotonic() - began < END_SECONDS
    assert first != 0
    assert second == 1
    assert "ValueError: on purpose" in err


@pytest.mark.parametrize(
    "code, said",
    [
        ("initialize(); initialize(); print(jax.process_count())", "1"),
        ("jax.devices(); initialize('127.0.0.1:1', 2, 0)", "Call plait.distribution.initialize() first of all"),
        ("initialize('127.0.0.1:1', 2, 2)", "process_id must be from 0 to 1 in a job of 2, but got 2."),
        ("initialize('127.0.0.1:1', 2)", "Give all three, or none"),
    ],
    ids=["no job", "too late", "no such process", "half known"],
)
def test_what_is_no_job(code, said):
    program = f"import jax; from plait.distribution import initialize; {code}"
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert said in (ended.stdout if said == "1" else ended.stderr), ended


def test_a_missing_script_is_said():
    code, _, err = launched("-n", 2, "nowhere.py")
    assert code == 1
    assert err[-1] == "Error: There is no script 'nowhere.py'."
