"""Backups whose process dies, or whose disk fails, at each write, sync and rename; power that fails; files that are damaged."""

import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import plait
from faults.backup_victim import backup, number_read
from plait.errors import FileError

HERE = Path(__file__).parent
KILLS, KILLS_IN_A_WRITE, FAILS = 0, 1, 2


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """The library that is preloaded."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "shim.c"), "-ldl"]
    subprocess.run(command, check=True, timeout=60)
    return library


def struck(shim, folder, action, error=0):
    """How each process ended, and which backup was read then: `[exit code, number, number after another one, files]`."""
    environment = {**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": str(Path(plait.__file__).parents[1])}
    command = [sys.executable, "-W", "ignore", str(HERE / "backup_victim.py"), str(folder), str(action), str(error)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert len(found) > 8, "a backup has more calls than these"
    for _, _, after, left in found:
        assert (after, left) == (4, ["latest.backup.npz", "lock", "previous.backup.npz"]), "litter is left"
    return found


@pytest.mark.parametrize("action", [KILLS, KILLS_IN_A_WRITE])
def test_a_process_killed_at_each_write_sync_and_rename_leaves_one_whole_backup(action, shim, tmp_path):
    *killed, last = struck(shim, tmp_path / "run", action)
    assert {code for code, *_ in killed} == {-signal.SIGKILL}
    numbers = [number for _, number, *_ in killed]
    assert set(numbers) == {2, 3}
    assert numbers == sorted(numbers), "the new one is there once its name is"
    assert last[:2] == [0, 3]


@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EDQUOT", "EROFS", "EXDEV"])
def test_a_disk_that_fails_at_each_call_is_an_error_and_leaves_one_whole_backup(error, shim, tmp_path):
    *failed, last = struck(shim, tmp_path / "run", FAILS, getattr(errno, error))
    assert {code for code, *_ in failed} == {5}, "each is a FileError"
    assert {number for _, number, *_ in failed} <= {2, 3}
    assert last[:2] == [0, 3]


# ---------------------------------------------------------------------------- power


class Disk:
    """What a folder's files hold after a power failure: what was synced, under names whose changes were synced.

    Changes of names after the last sync of the folder may each have reached the disk or not.
    """

    def __init__(self, folder, monkeypatch):
        self.folder, self.synced = folder, {}
        self.names = {path.name: path.stat().st_ino for path in folder.iterdir()}
        self.synced |= {path.stat().st_ino: path.read_bytes() for path in folder.iterdir()}
        self.pending, self.moments = [], []
        sync, replace = os.fsync, os.replace

        def watched_sync(descriptor):
            sync(descriptor)
            self._sync(descriptor)

        def watched_replace(source, target):
            self.pending.append((Path(source).name, Path(target).name, os.stat(source).st_ino))
            self._note()
            replace(source, target)

        monkeypatch.setattr(os, "fsync", watched_sync)
        monkeypatch.setattr(os, "replace", watched_replace)

    def _sync(self, descriptor):
        status = os.fstat(descriptor)
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            for change in self.pending:
                self._apply(self.names, change)
            self.pending = []
        else:
            self.synced[status.st_ino] = os.pread(descriptor, status.st_size, 0)
        self._note()

    @staticmethod
    def _apply(names, change):
        source, target, number = change
        names.pop(source, None)
        names[target] = number

    def _note(self):
        self.moments.append((dict(self.names), list(self.pending), dict(self.synced)))

    def states(self):
        """All that may be found: files by name."""
        for names, pending, synced in self.moments:
            for count in range(len(pending) + 1):
                for reached in itertools.combinations(pending, count):
                    left = dict(names)
                    for change in reached:
                        self._apply(left, change)
                    yield {name: synced.get(number, b"") for name, number in left.items()}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="reads /proc")
@pytest.mark.filterwarnings("ignore:fit. a backup is damaged")
def test_after_a_power_failure_at_any_moment_a_whole_backup_is_there(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    backup(tmp_path / "run", 1)
    backup(tmp_path / "run", 2)
    disk = Disk(tmp_path / "run", monkeypatch)
    backup(tmp_path / "run", 3)
    backup(tmp_path / "run", 4)
    states = list(disk.states())
    assert len(states) > 10
    for index, files in enumerate(states):
        found = tmp_path / f"found {index}"
        found.mkdir()
        for name, content in files.items():
            (found / name).write_bytes(content)
        assert number_read(found) in (2, 3, 4)


# ---------------------------------------------------------------------------- damage


def cut(part):
    return lambda data: data[: len(data) * part // 32]


def flipped(part):
    def flip(data):
        place = (len(data) - 1) * part // 32
        return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]

    return flip


DAMAGE = {f"cut at {part}": cut(part) for part in range(32)}
DAMAGE |= {f"flipped at {part}": flipped(part) for part in range(32)}
DAMAGE |= {
    "no text": lambda data: data.replace(b'{"format"', b'{"formax"'),
    "half of the text": lambda data: data[: data.index(b'{"format"') + 40],
    "another file": lambda data: b"hello",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_backup_falls_back_to_the_one_before_and_says_so(damage, tmp_path):
    for number in (1, 2):
        backup(tmp_path, number)
    latest = tmp_path / "latest.backup.npz"
    latest.write_bytes(DAMAGE[damage](latest.read_bytes()))
    with pytest.warns(UserWarning, match="a backup is damaged, the one before it is used: .*latest.backup.npz"):
        assert number_read(tmp_path) == 1


@pytest.mark.filterwarnings("ignore:fit. a backup is damaged")
def test_each_bit_of_a_backup_may_flip(tmp_path):
    """None is read as something else: it is what it was, or damaged."""
    for number in (1, 2):
        backup(tmp_path, number)
    latest = tmp_path / "latest.backup.npz"
    data, read = latest.read_bytes(), []
    for place in range(0, len(data), max(1, len(data) // 1500)):
        latest.write_bytes(data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :])
        read.append(number_read(tmp_path))
    assert set(read) <= {1, 2}
    assert read.count(1) > len(read) / 2


def test_two_damaged_backups_are_an_error_that_names_both(tmp_path):
    for number in (1, 2):
        backup(tmp_path, number)
    for name in ("latest", "previous"):
        (tmp_path / f"{name}.backup.npz").write_bytes(b"")
    with pytest.raises(FileError, match=r"latest.backup.npz.*previous.backup.npz.*Delete them"):
        number_read(tmp_path)
