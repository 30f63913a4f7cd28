"""Backups of a run: one file that holds all it needs to go on as if nothing had happened.

    fit -> Run.keeper -> keep (at a step's end, or an epoch's) -> a thread writes the file
    fit -> Run.keeper -> restore (before the first epoch)

A backup holds the weights, the states of random generators, the optimizer's and the metrics' variables; what callbacks keep,
the history among it; the states of Python's, NumPy's and PyTorch's generators as they were when the epoch began, and where
the data source was then; how many steps of the epoch are done. So a run that goes on draws the epoch's order again, passes
over the steps that are done, and is where it was.

It is written whole or not at all, and the one before is kept until the next is there: whenever the process dies, one of
them loads. A step only waits for the arrays to be copied on the device; the rest happens in a thread. A slow disk delays
backups, never steps.

What it is not: a checkpoint to publish. Files of models are `saving`.

Differs from Keras: there weights and place are two files, so a kill between them resumes at the wrong place; callbacks and
the history begin anew; and the order of the data is drawn anew.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from plait.common.messages import listing, warn
from plait.core.variable import Variable
from plait.distribution import is_first
from plait.distribution.agreement import gathered, of_first
from plait.errors import FileError
from plait.layers.ownership import unique
from plait.random import global_states
from plait.saving.atomic import atomic_write, explained
from plait.training.data.generators import generators_now, set_generators
from plait.training.plain_state import decode, encode, put_back, state_of
from plait.training.protocols import TrainedModel

try:
    import fcntl
except ImportError:  # Windows has no such locks; there, two runs in one folder aren't noticed
    fcntl = None

_FORMAT = 3
_LATEST, _PREVIOUS, _LOCK, _STARTS = "latest.backup.npz", "previous.backup.npz", "lock", "starts.json"
_SHARE = 0.01  # of a run's time that may go into backups
_LEAST_SECONDS, _MOST_SECONDS = 1.0, 60.0
_in_use: set[str] = set()  # folders of runs of this process: its own locks don't keep a process out
_WORRYING = 3  # starts from one place that did not reach another: from then on each step is backed up


class Keeper:
    """Keeps the backups of one run in a folder.

    Args:
        folder: a folder for this run alone.
        model: the model, compiled.
        every: "epoch" for a backup at each epoch's end; a number of steps; False for none; None for as often as a hundredth
            of the run's time allows, a minute apart at most.
        until_end: whether the backups go away when the run has ended.

    Raises:
        FileError: another process has a run in the folder, or it can't be made or written.
    """

    def __init__(self, folder: Any, model: TrainedModel, every: Any = None, until_end: bool = False):
        self.folder, self.every, self._model, self._until_end = Path(folder), every, model, until_end
        self._begin: dict[str, Any] = {}  # of the epoch under way: generators, and the source's state
        self._start: dict[str, Any] = {}  # generators before the first batch was looked at
        self._seconds = 0.0  # of earlier starts
        self._since = time.monotonic()
        self._next = time.monotonic() + _LEAST_SECONDS
        self._steps = 0
        self._each_step = False
        self.told: bool | None = None  # of several processes: whether they agreed to keep the place now
        self._came_with: list[dict] = []
        self._writer = _Writer()
        self._lock: Any = None
        _by_first(self._open, self.folder)

    def _open(self) -> None:
        with explained(self.folder / _LATEST):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.folder / _LOCK)

    # ------------------------------------------------------------------------ keeping

    def starts(self, generators: dict, callbacks: Sequence) -> None:
        """Notes what the generators and the callbacks were like before the run drew anything."""
        self._start = generators
        self._came_with = [dict(vars(callback)) if hasattr(callback, "__dict__") else {} for callback in callbacks]

    def epoch_begins(self, source: Any) -> None:
        """Notes where the generators and the data are; to be called before an epoch draws its order."""
        self._begin = {"generators": generators_now(), "source": source.state()}

    def step_ended(self, run: Any, steps: int) -> None:
        """Keeps the place, where it is time to, after some steps that are not an epoch's last ones."""
        self._steps += steps
        by_steps = isinstance(self.every, int) and self.every is not False and self._steps >= self.every
        if by_steps or (self.every is None and self._is_due):
            self.keep(run, run.epoch, run.step)

    @property
    def is_time(self) -> bool:
        """Whether it is time for a backup, by the clock."""
        return time.monotonic() >= self._next

    @property
    def _is_due(self) -> bool:
        return self._each_step or (self.is_time if self.told is None else self.told)

    def epoch_ended(self, run: Any, source: Any, logs: dict) -> None:
        """Keeps the place at an epoch's end, where it is time to."""
        self.epoch_begins(source)
        stopped = bool(self._model.stop_training)
        last = stopped or run.epoch + 1 >= run.options.end
        if self.every == "epoch" or (self.every is None and (last or self._is_due)):
            self.keep(run, run.epoch + 1, 0, logs, stopped)

    def keep(self, run: Any, epoch: int, step: int, logs: dict | None = None, stopped: bool = False) -> None:
        """Takes a backup: copies on the device here and now, and has the rest done by a thread."""
        began, variables = time.monotonic(), self._variables()
        arrays: list[np.ndarray] = []
        about = {
            "format": _FORMAT,
            "epoch": epoch,
            "step": step,
            "stopped": stopped,
            "seconds": self._seconds + began - self._since,
            "data": run.data,
            "variables": [[v.path, list(v.shape), v.dtype] for v in variables],
            "logs": encode(logs, arrays),
            "start": encode(self._start, arrays),
            "begin": encode(self._begin, arrays),
            "callbacks": [
                [type(callback).__name__, state_of(callback, arrays, came_with)]
                for callback, came_with in zip(run.callbacks, self._came_with, strict=True)
            ],
        }
        values = [kept for variable in variables if (kept := _held(variable)) is not None]
        if is_first():
            self._writer.write(self.folder, about, values, arrays)
        self._steps = 0
        now = time.monotonic()
        spent = now - began + self._writer.seconds  # the thread's time is the device's, where the device is this CPU
        self._next = now + min(max(_LEAST_SECONDS, spent / _SHARE), _MOST_SECONDS)

    def _variables(self) -> list[Variable]:
        model = self._model
        optimizer = list(model.optimizer.variables) if model.optimizer is not None else []
        return unique([*model.variables, *global_states(), *optimizer, *model.metrics_variables])

    def close(self, ended: bool) -> None:
        """Waits until the last backup is on the disk, and leaves the folder to others.

        Args:
            ended: whether the run has come to its end.
        """
        if not is_first():
            return
        keeps = not (ended and self._until_end)
        self._writer.close()
        for name in ((_STARTS,) if ended else ()) if keeps else (_LATEST, _PREVIOUS, _STARTS, _LOCK):
            (self.folder / name).unlink(missing_ok=True)
        if self._lock is not None:
            _in_use.discard(os.path.realpath(self._lock.name))
            self._lock.close()
        if not keeps and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    # ------------------------------------------------------------------------ restoring

    def read(self) -> "Kept | None":
        """The newest whole backup; None where there is none.

        Raises:
            FileError: the backups are damaged, or of another version.
        """
        damaged = []
        for name in (_LATEST, _PREVIOUS):
            path = self.folder / name
            if not path.exists():
                continue
            try:
                with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                    kept = Kept(path, {key: stored[key] for key in stored.files})
            except FileError:
                raise  # it is whole, and of another version
            except Exception as error:  # damage comes as any of them: a flipped bit may ask for an unknown compression
                damaged.append(f"{path}: {error}")
                continue
            if damaged:
                warn(f"fit: a backup is damaged, the one before it is used: {damaged[0]}")
            self._agree_on(kept)
            return kept
        if damaged:
            raise FileError(f"fit: no backup in {str(self.folder)!r} can be read: {damaged}. Delete them.")
        self._agree_on(None)
        return None

    def _agree_on(self, kept: "Kept | None") -> None:
        """Refuses a folder that several processes don't share.

        Raises:
            FileError: they read different backups.
        """
        found = gathered(
            None if kept is None else [kept.path.name, *kept.place], f"the backups in {str(self.folder)!r}"
        )
        if any(other != found[0] for other in found):
            raise FileError(
                f"fit: the processes of this job find different backups in {str(self.folder)!r}: {found}. Give a folder that all of "
                "them share."
            )

    def restore(self, kept: "Kept", run: Any) -> None:
        """Gives the variables the values of a backup.

        Raises:
            FileError: it was made by another model, or with other data.
        """
        variables = self._variables()
        problems = _differences(kept.about, [[v.path, list(v.shape), v.dtype] for v in variables], run.data)
        if problems:
            raise FileError(
                f"fit: {str(kept.path)!r} was made by another model, or by a run with other data: {'; '.join(problems)}. Give "
                "each run a folder of its own."
            )
        for index, variable in enumerate(variables):
            dtype = jnp.dtype(variable.dtype)
            variable.assign(np.frombuffer(kept.stored[f"v{index}"].tobytes(), dtype).reshape(variable.shape))
        self._begin, self._seconds = kept.begin, kept.about["seconds"]

    def note_start(self, place: tuple[int, int]) -> None:
        """Counts how often a run began at the same place: one that dies again and again soon after is to get on all the same."""
        count = of_first(self._counted(place) if is_first() else 0, f"the start of a run in {str(self.folder)!r}")
        if count >= _WORRYING:
            self._each_step = True
            warn(
                f"fit: this is start number {count} from epoch {place[0] + 1}, step {place[1]}: the run has died each time before its "
                "next backup. From now on each step is backed up."
            )

    def _counted(self, place: tuple[int, int]) -> int:
        """How often a run has begun there, this time counted."""
        path = self.folder / _STARTS
        try:
            before = json.loads(path.read_text())
            count = before["count"] + 1 if tuple(before["place"]) == place else 1
        except (OSError, ValueError, KeyError):
            count = 1
        with atomic_write(path) as file:
            file.write(json.dumps({"place": place, "count": count}).encode())
        return count


class Kept:
    """A backup that has been read.

    Attributes:
        path: the file.
        stored: its arrays.
        about: all else, as JSON holds it.
        place: the epoch to go on with, and how many of its steps are done.
        stopped: whether a callback had ended the run.
        start: the generators before the run looked at its first batch.
        begin: the generators, and the data, when the epoch began.
        logs: of the epoch before.
    """

    def __init__(self, path: Path, stored: dict[str, np.ndarray]):
        self.path, self.stored = path, stored
        self.about: dict = json.loads(stored["about"].tobytes())
        if self.about.get("format") != _FORMAT:
            raise FileError(
                f"fit: {str(path)!r} was written by another version of plait (format {self.about.get('format', 1)}, this reads "
                f"{_FORMAT}). Go on with that version, or begin in another folder."
            )
        count = sum(name[0] == "a" and name != "about" for name in stored)
        self._arrays = [stored[f"a{index}"] for index in range(count)]
        self.place, self.stopped = (self.about["epoch"], self.about["step"]), self.about["stopped"]
        self.start: dict = decode(self.about["start"], self._arrays)
        self.begin: dict = decode(self.about["begin"], self._arrays)
        self.logs: dict = decode(self.about["logs"], self._arrays) or {}

    def rewind(self, source: Any, first: int) -> None:
        """Brings the data and the generators to where the epoch began; the run's first epoch has the number `first`."""
        source.restore(self.begin["source"], self.place[0] - first)
        set_generators(self.begin["generators"])

    def give_to(self, callbacks: Sequence) -> None:
        """Gives callbacks what they kept; those that the run did not have begin as they are."""
        left: dict[str, list] = {}
        for name, state in self.about["callbacks"]:
            left.setdefault(name, []).append(state)
        for callback in callbacks:
            states = left.get(type(callback).__name__)
            if states:
                put_back(callback, states.pop(0), self._arrays)


class _Writer:
    """Writes backups in a thread: the newest that waits, when the one before is done."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: tuple | None = None
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.seconds = 0.0  # that the last backup took

    def write(self, *backup: Any) -> None:
        """Hands a backup over; one that still waits is forgotten."""
        self._report()
        with self._changed:
            self._waiting = backup
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="plait-backups", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                backup, self._waiting = self._waiting, None
                if backup is None:
                    self._thread = None
                    self._changed.notify_all()
                    return
            began = time.monotonic()
            try:
                _write(*backup)
                self.seconds = time.monotonic() - began
            except Exception as error:  # the run goes on; it is told at the next backup
                self._error = error

    def _report(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            warn(f"fit: a backup could not be written; the one before it is kept, and the run goes on: {error}")

    def close(self) -> None:
        """Waits until nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._thread is None)
        self._report()


def _write(folder: Path, about: dict, values: list, arrays: list[np.ndarray]) -> None:
    held = {f"v{index}": np.frombuffer(np.asarray(value).tobytes(), np.uint8) for index, value in enumerate(values)}
    held |= {f"a{index}": array for index, array in enumerate(arrays)}
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    latest = folder / _LATEST
    with explained(folder / _PREVIOUS):
        if latest.exists():
            os.replace(latest, folder / _PREVIOUS)
    with atomic_write(latest) as file:
        np.savez(file, **{"about": text, **held})  # type: ignore[arg-type]


def _held(variable: Variable) -> Any:
    """A value for a backup. Of several processes the first one has it: held, so the next step copies it first."""
    if variable.is_split:
        return variable.numpy()  # all put it together
    return variable.value if is_first() else None


def _by_first(act: Callable[[], None], folder: Path) -> None:
    """Has the first of several processes do something, on whose error all end."""
    error: Exception | None = None
    try:
        if is_first():
            act()
    except Exception as caught:
        error = caught
    said = gathered(None if error is None else str(error), f"the opening of {str(folder)!r}")
    if error is not None:
        raise error
    if said[0] is not None:
        raise FileError(f"fit: the first process can't use the folder: {said[0]}")


def _locked(path: Path) -> Any:
    """A file that this process has locked, for as long as it is open and the process lives.

    The lock is one of the process: worker processes that were forked meanwhile, and outlive it, don't hold it.

    Raises:
        FileError: another run has locked it.
    """
    if fcntl is None:
        return None
    if os.path.realpath(path) in _in_use:
        raise _used(path, str(os.getpid()))
    file = path.open("a+")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        owner = file.read().strip()
        file.close()
        raise _used(path, owner) from None
    _in_use.add(os.path.realpath(path))
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _used(path: Path, owner: str) -> FileError:
    return FileError(
        f"fit: another run{f' (process {owner})' if owner else ''} is using the folder {str(path.parent)!r}. Wait for its end, "
        "or give each run a folder of its own."
    )


def _differences(about: dict, variables: list, data: dict) -> list[str]:
    """What doesn't fit between a backup and this run."""
    problems = []
    theirs = about["variables"]
    if len(theirs) != len(variables):
        problems.append(f"it holds {len(theirs)} variables, and this has {len(variables)}")
    else:
        pairs = zip(theirs, variables, strict=True)
        unlike = [f"{a[0]} is {a[2]}{a[1]}, here {b[0]} is {b[2]}{b[1]}" for a, b in pairs if a[1:] != b[1:]]
        if unlike:
            problems.append(listing(unlike))
    for name, value in data.items():
        if about["data"].get(name) != value:
            problems.append(f"{name} was {about['data'].get(name)}, and is {value}")
    return problems
