"""Runs of several processes that are killed, and go on: bit by bit, or on another number of processes and devices."""

import os
import random
import time

import pytest

import plait
from distributed.jobs import PROGRAM, assert_close, launched, trained
from plait.training.backups import Keeper

END_SECONDS = 60  # in which all have ended when one was killed
STEPS = 36


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a run finds that nobody kills, on two processes."""
    return trained(tmp_path_factory.mktemp("undisturbed"), 2, 1, "backed_up")[0]


def test_killed_runs_go_on_bit_by_bit(undisturbed, tmp_path):
    found, _ = trained(tmp_path, 2, 1, "backed_up:22", restarts=1)
    assert found == undisturbed
    assert {path.name for path in tmp_path.glob("died-*")} == {"died-22"}


@pytest.mark.parametrize(
    "shapes",
    [[(2, 1), (1, 3), (2, 2)], pytest.param([(1, 1), (2, 1), (4, 1), (3, 1), (1, 2)], marks=pytest.mark.long)],
    ids=["three", "five"],
)
def test_runs_go_on_with_other_processes_and_devices(undisturbed, tmp_path, shapes):
    last = len(shapes) - 1
    for place, (processes, devices) in enumerate(shapes):
        dies = f"backed_up:{(place + 1) * STEPS // len(shapes) - 2}" if place < last else "backed_up"
        if place == last:
            found, _ = trained(tmp_path, processes, devices, dies)
            break
        began = time.monotonic()
        code, _, err = launched("-n", processes, "--devices", devices, PROGRAM, tmp_path, dies)
        assert code != 0
        assert time.monotonic() - began < END_SECONDS
        assert err[-1] == f"plait launch: process {processes - 1} ended first, killed by SIGKILL."
    for name, values in undisturbed[0]["backed_up"].items():
        if name != "bits":
            assert_close(found[0]["backed_up"][name], values, name)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_killed_anywhere_runs_go_on_bit_by_bit(undisturbed, tmp_path, seed):
    steps = sorted(random.Random(seed).sample(range(STEPS), 2))
    found, _ = trained(tmp_path, 2, 1, f"backed_up:{steps[0]}:{steps[1]}", restarts=2)
    assert found == undisturbed


def test_a_second_job_in_the_folder_is_refused(tmp_path):
    keeper = Keeper(tmp_path / "backup", plait.Sequential())  # as the `fit` of another process has it
    try:
        code, _, err = launched("-n", 2, PROGRAM, tmp_path, "backed_up")
    finally:
        keeper.close(ended=False)
    assert code == 1
    assert f"another run (process {os.getpid()}) is using the folder" in err[-1]
    assert not list(tmp_path.glob("*.json"))
