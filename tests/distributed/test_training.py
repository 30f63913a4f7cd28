"""The same program on one process and on several, with one device each or two: the same numbers."""

import itertools
from functools import cache

import pytest

from distributed.jobs import assert_close, trained
from distributed.training_program import ROWS

EVERYTHING = ("arrays", "images", "sources", "results", "own_rows", "decisions", "log_files", "sharded")
MAIN = ("arrays", "images", "sources", "results", "own_rows")
SHAPES = [(2, 1), (4, 1), pytest.param((2, 2), marks=pytest.mark.long)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process with one device finds."""
    found, _ = trained(tmp_path_factory.mktemp("alone"), 1, 1, *EVERYTHING)
    return found[0]


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """Runs a job once: its folder, what its processes found, and what they printed."""

    @cache
    def run(processes, devices):
        folder, tasks = tmp_path_factory.mktemp("job"), EVERYTHING if (processes, devices) == SHAPES[0] else MAIN
        return folder, *trained(folder, processes, devices, *tasks)

    return run


@pytest.fixture(params=SHAPES, ids=lambda shape: f"{shape[0]} processes with {shape[1]} devices")
def job(request, jobs):
    """A job of each shape."""
    return jobs(*request.param)


@pytest.fixture
def pair(jobs):
    """The job of the first shape, which does everything."""
    return jobs(*SHAPES[0])


@pytest.mark.parametrize("task", ["arrays", "images", "results"])
def test_numbers_are_those_of_one_process(alone, job, task):
    _, found, _ = job
    for process in found:
        assert_close(process[task], alone[task], task)
        assert process[task] == found[0][task]  # to the last bit


def test_weights_that_are_split_give_the_same_numbers_and_files(alone, pair):
    _, found, _ = pair
    assert found[0]["sharded"]["share"] == 1  # each device has its part
    for process in found:
        assert_close(process["sharded"], alone["sharded"], "sharded")
        assert process["sharded"] == found[0]["sharded"]


def test_all_sources_give_each_process_its_rows(alone, job):
    _, found, _ = job
    expected = {name: value for name, value in alone["sources"].items() if name != "rows read"}
    for process in found:
        assert_close({name: process["sources"][name] for name in expected}, expected)


def test_a_process_reads_its_rows_of_a_file_only(alone, job):
    _, found, _ = job
    read = [process["sources"]["rows read"] for process in found]
    first_looks = alone["sources"]["rows read"] - 2 * ROWS  # the first batch, to know its shape
    assert sum(read) == 2 * ROWS + len(found) * first_looks
    assert max(read) - first_looks <= 2 * 2 * 5 * (-(-13 // len(found)))


def test_each_process_may_have_its_own_outputs(job):
    _, found, _ = job
    places = [process["own_rows"]["places"] for process in found]
    assert sorted(itertools.chain(*places)) == list(range(ROWS))
    assert all(places)
    assert all(process["own_rows"]["same"] and process["own_rows"]["in file"] for process in found)


def test_one_process_prints(job):
    _, _, out = job
    assert len([line for line in out if "loss" in line]) == 3  # an epoch each
    assert all(line.startswith("[0] ") for line in out if "loss" in line)


def test_what_one_process_wishes_ends_all_in_the_same_step(alone, pair):
    _, found, _ = pair
    assert found[0]["decisions"] == found[1]["decisions"] == alone["decisions"]
    assert found[0]["decisions"]["Ctrl-C"][0] == "interrupted"


def test_files_are_written_once_and_whole(alone, pair):
    folder, found, _ = pair
    assert_close(found[0]["log_files"], alone["log_files"])
    assert found[0]["log_files"] == found[1]["log_files"]
    lines = (folder / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", *map(str, range(len(lines) - 1))]
    assert len(lines) - 1 == len(found[0]["log_files"]["loss"]) == 5  # as EarlyStopping decides
    assert len(list(folder.glob("events/*/*"))) == 1
    assert {path.name for path in folder.iterdir()} == {
        "0.json",
        "1.json",
        "best.keras",
        "events",
        "last.weights.h5",
        "log.csv",
        "outputs.npy",
        "sharded",
        "sharded.keras",
    }
