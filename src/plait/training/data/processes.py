"""Items of a data set made by worker processes, handed out in order.

Each process is started afresh (spawned: a fork of a program that runs JAX can hang), computes on the CPU, and has a pipe
of its own to this one, so that one that is killed in the middle of a message spoils nothing for the others. It gets the
data set anew at the start of each epoch, as `on_epoch_end` and callbacks may have changed it.

A process that dies ends the work with the item it was making. One whose parent dies reads the end of its pipe, and ends.
"""

import multiprocessing
import pickle
import signal
import traceback
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any

import jax

from plait.errors import DataError

_NO_ITEM = -1  # the index of a worker that is taking the data set
_PATIENCE = 5.0  # seconds for a process to end by itself


class _Worker:
    """One process, its pipe, and what it is at: (place, index), or None."""

    def __init__(self, context: Any, number: int):
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), name=f"plait-data-{number}", daemon=True)
        self.process.start()
        theirs.close()  # so that the death of the process is the end of the pipe
        self.item: tuple[int, int] | None = None


class WorkerProcesses:
    """A few processes that make items.

    Args:
        dataset: has `__getitem__`; must be picklable.
        count: how many processes.
        name: what to call the data set in errors.

    Raises:
        DataError: the data set cannot be pickled; a process died.
    """

    def __init__(self, dataset: Any, count: int, name: str):
        self._dataset, self._count, self._name = dataset, count, name
        self._workers: list[_Worker] = []
        self._closed = False

    def items(self, order: Iterable[int], window: int) -> Iterator[Any]:
        """The items with these numbers, in this order; at most `window` of them made ahead."""
        message = self._pickled()
        self._start()
        for worker in self._workers:
            if (error := self._send(worker, message, (0, _NO_ITEM))) is not None:
                raise error
            worker.item = None
        numbers, taken, given = enumerate(order), 0, 0
        ready: dict[int, tuple[Any, BaseException | None]] = {}
        while True:
            for worker in self._workers:
                if worker.item is not None or taken - given >= window or any(error for _, error in ready.values()):
                    continue
                if (item := next(numbers, None)) is not None:
                    taken += 1
                    if (error := self._send(worker, ForkingPickler.dumps(("item", item[1])), item)) is not None:
                        ready[item[0]] = None, error
            if given in ready:
                value, error = ready.pop(given)
                if error is not None:
                    raise error
                yield value
                given += 1
            elif not self._receive(ready):
                return

    def _pickled(self) -> Any:
        try:
            return ForkingPickler.dumps(("dataset", self._dataset))
        except Exception as error:
            raise DataError(
                f"{self._name} cannot be sent to worker processes: {error}. Make it picklable (no open files, locks or lambdas in "
                "it; open files in __getitem__), or use threads: use_multiprocessing=False."
            ) from error

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        while len(self._workers) < self._count:
            self._workers.append(_Worker(context, len(self._workers)))

    def _send(self, worker: _Worker, message: Any, item: tuple[int, int]) -> DataError | None:
        worker.item = item
        try:
            worker.connection.send_bytes(message)
        except OSError as cause:
            return self._death(worker, cause)
        return None

    def _receive(self, ready: dict) -> bool:
        """Waits for items to be made, and lays them down; False if none is in the making."""
        busy = {worker.connection: worker for worker in self._workers if worker.item is not None}
        for connection in wait(list(busy)) if busy else ():
            worker = busy[connection]  # type: ignore[index]
            place, index = worker.item or (0, 0)
            try:
                value, error, trace = worker.connection.recv()
            except (EOFError, OSError) as cause:
                ready[place] = None, self._death(worker, cause)
            else:
                ready[place] = value, None if trace is None else self._failure(index, error, trace)
                worker.item = None
        return bool(busy)

    def _failure(self, index: int, error: BaseException | None, trace: str) -> BaseException:
        if error is None:
            return DataError(f"{self._name}: item {index} could not be made. In the worker process:\n{trace}")
        error.add_note(f"{self._name}: this is about item {index}. In the worker process:\n{trace}")
        return error

    def _death(self, worker: _Worker, cause: BaseException) -> DataError:
        (_, index), worker.item = worker.item or (0, _NO_ITEM), None
        if self._closed:
            return DataError(f"{self._name}: its worker processes have been ended.")
        worker.process.join(_PATIENCE)
        what = "before its first item" if index == _NO_ITEM else f"while it made item {index}"
        error = DataError(
            f"{self._name}: worker process {worker.process.name} died {what}: {_reason(worker.process.exitcode)}. Its own "
            "messages are on stderr. If it was killed for memory, use fewer workers or smaller batches; if the script has no "
            '`if __name__ == "__main__":` around what it runs, put one there, because each worker imports the script.'
        )
        error.__cause__ = cause
        return error

    def close(self) -> None:
        """Ends all processes: those that wait for work by closing their pipes, those in the middle of it at once."""
        self._closed = True
        workers, self._workers = self._workers, []
        for worker in workers:
            if worker.item is not None:
                worker.process.terminate()
            worker.connection.close()
        for worker in workers:
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join(_PATIENCE)
            worker.process.close()


def _reason(exit_code: int | None) -> str:
    if exit_code is None:
        return "it closed its pipe"
    if exit_code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"killed by {names.get(-exit_code, f'signal {-exit_code}')}"
    return f"it ended with exit code {exit_code}"


# ---------------------------------------------------------------------------- in the process


def _serve(connection: Connection) -> None:
    """What a process does: takes the data set, then makes one item after another, until its pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the parent ends this one
    jax.config.update("jax_platforms", "cpu")
    dataset: Any = None
    broken: BaseException | None = None
    while True:
        try:
            kind, value = connection.recv()
        except (EOFError, OSError):
            return
        except Exception as error:
            broken = error
            continue
        if kind == "dataset":
            dataset, broken = value, None
            continue
        try:
            if broken is not None:
                raise DataError(
                    f"the data set could not be unpickled: {broken}. Its class must be in a module that the process can import, not "
                    "in a notebook or an interactive session."
                ) from broken
            reply = _item(dataset, value), None, None
        except BaseException as error:
            reply = None, error, traceback.format_exc()
        _reply(connection, reply)


def _item(dataset: Any, index: int) -> Any:
    try:
        return dataset[index]
    except StopIteration as error:  # would be taken for the end of the data
        raise DataError(
            f"{type(dataset).__name__}: item {index} could not be made: it raised StopIteration."
        ) from error


def _reply(connection: Connection, reply: tuple) -> None:
    try:
        message = ForkingPickler.dumps(reply)
        if reply[1] is not None:
            pickle.loads(message)  # noqa: S301  (our own message)  # some exceptions can be pickled, but not unpickled
    except Exception:
        trace = reply[2] or f"An item of {type(reply[0]).__name__} cannot be pickled.\n{traceback.format_exc()}"
        message = ForkingPickler.dumps((None, None, trace))
    try:
        connection.send_bytes(message)
    except OSError:
        return
