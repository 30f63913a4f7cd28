"""`plait launch`: one script as several processes of this machine, that end together.

    run -> _Job (one start of all processes) -> _Worker (one process, and two threads that read what it prints)

Each line that a process prints comes out whole, with the process's number before it. When one dies, the others are asked to
end, and then made to; the last words are those of the one that died first.

Which one that is can't be told by the order in which the deaths are seen: a process's end closes its connections, and the
others may be gone a millisecond later. So a process that ends by itself writes its number into a pipe before it closes
anything (`launched.py`), and one that wrote nothing was ended from outside.

What it is not: a scheduler. Several machines are SLURM's or Kubernetes's, whose processes join by
`plait.distribution.initialize()`.
"""

import contextlib
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

from plait.distribution.processes import COORDINATOR, COUNT, ENDS, INDEX

_SETTLE_SECONDS = 0.2  # for deaths that were before the one that was seen
_GRACE_SECONDS = 10.0  # between asking the others to end and killing them: a backup may be under way
_PIPE_BYTES = 1 << 16
_LAST_LINES = 400  # of a process's errors that are kept for the end


def run(arguments: Sequence[str], processes: int, devices: int | None = None, restarts: int = 0) -> int:
    """Runs a script on several processes, until all have ended.

    Args:
        arguments: the script and its arguments, or `-m`, a module and its arguments.
        processes: how many.
        devices: devices a process has; None takes what there are: of CPUs one.
        restarts: how often all are started again when one has died.

    Returns:
        the exit code: 0, or that of the process that died first.
    """
    while True:
        job = _Job(arguments, processes, devices)
        code = job.wait()
        if code == 0 or job.interrupted or restarts == 0:
            return code
        restarts -= 1
        _say(f"plait launch: starting again; {restarts} restarts are left.", sys.stderr)


class _Job:
    """One start of all processes."""

    def __init__(self, arguments: Sequence[str], processes: int, devices: int | None):
        self.interrupted = False
        self._ended: queue.Queue[_Worker] = queue.Queue()
        self._before = {number: signal.signal(number, self._hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
        self._workers: list[_Worker] = []
        command = [sys.executable, "-m", "plait.launched", *arguments]
        address = f"127.0.0.1:{_free_port()}"
        self._ends, ends = os.pipe()
        for index in range(processes):
            environment = _environment(index, processes, address, devices) | {ENDS: str(ends)}
            self._workers.append(_Worker(command, environment, index, processes, self._ended, ends))
        os.close(ends)

    def _hand_on(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        for worker in self._workers:
            worker.send(number)

    def wait(self) -> int:
        """Waits until all have ended, ends the others when one dies, and shows why it did."""
        try:
            left, died, deadline = len(self._workers), None, None
            while left:
                try:
                    worker = self._ended.get(
                        timeout=0.5 if deadline is None else max(0.05, deadline - time.monotonic())
                    )
                except queue.Empty:
                    if deadline is not None and time.monotonic() >= deadline:
                        for other in self._workers:
                            other.send(signal.SIGKILL)
                    continue
                left -= 1
                if worker.code and died is None:
                    died, deadline = self._first_to_die(worker), time.monotonic() + _GRACE_SECONDS
                    for other in self._workers:
                        other.send(signal.SIGCONT)  # one that was stopped would not hear
                        other.send(signal.SIGTERM)
            if died is None:
                return 0
            _say(f"plait launch: process {died.index} ended first, {died.end}.", sys.stderr)
            for line in died.last_words():
                _say(line, sys.stderr)
            return died.code if died.code > 0 else 128 - died.code
        finally:
            os.close(self._ends)
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def _first_to_die(self, seen: "_Worker") -> "_Worker":
        """The process whose death ended the others, of those that are dead by now."""
        until = time.monotonic() + _SETTLE_SECONDS
        dead = [worker for worker in self._workers if worker.is_dead(until) and worker.code]
        os.set_blocking(self._ends, False)
        numbers = []
        with contextlib.suppress(BlockingIOError):
            numbers = [int(number) for number in os.read(self._ends, _PIPE_BYTES).split()]
        # JAX aborts a process for the sake of another's death.
        silent = [worker for worker in dead if worker.index not in numbers and worker.code != -signal.SIGABRT]
        return [*silent, *(self._workers[number] for number in numbers), seen][0]


class _Worker:
    """One process, whose lines come out with its number before them.

    Attributes:
        index: the process's number.
        code: its exit code; 0 while it runs.
    """

    def __init__(self, command: list[str], environment: dict, index: int, count: int, ended: queue.Queue, ends: int):
        self.index, self.code = index, 0
        self._dead = threading.Event()
        self._words: deque[str] = deque(maxlen=_LAST_LINES)
        self._label = f"[{index:>{len(str(count - 1))}}] "
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=(ends,),
        )
        threading.Thread(target=self._follow, args=(ended,), name=f"plait-launch-{index}", daemon=True).start()

    def _follow(self, ended: queue.Queue) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        readers = [
            threading.Thread(target=self._read, args=(self._process.stdout, sys.stdout, None), daemon=True),
            threading.Thread(target=self._read, args=(self._process.stderr, sys.stderr, self._words), daemon=True),
        ]
        for reader in readers:
            reader.start()
        self.code = self._process.wait()
        self._dead.set()
        for reader in readers:
            reader.join(_GRACE_SECONDS)  # a process of its own may still hold the pipe
        ended.put(self)

    def _read(self, pipe: BinaryIO, out: Any, words: deque[str] | None) -> None:
        for line in pipe:
            text = line.decode(errors="replace").rstrip("\r\n")
            if words is not None:
                words.append(text)
            _say(self._label + text, out)

    def send(self, number: int) -> None:
        """Sends the process a signal, if it is still there."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def is_dead(self, until: float) -> bool:
        """Whether the process has ended, or does so until then."""
        return self._dead.wait(max(0.0, until - time.monotonic()))

    @property
    def end(self) -> str:
        """How it ended, in words."""
        if self.code >= 0:
            return f"with exit code {self.code}"
        try:
            return f"killed by {signal.Signals(-self.code).name}"
        except ValueError:
            return f"killed by signal {-self.code}"

    def last_words(self) -> list[str]:
        """Its last traceback, if it left one."""
        words = list(self._words)
        starts = [index for index, line in enumerate(words) if line.startswith("Traceback (most recent call last)")]
        return words[starts[-1] :] if starts else []


_printing = threading.Lock()


def _say(text: str, out: Any) -> None:
    with _printing:
        print(text, file=out, flush=True)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _environment(index: int, count: int, address: str, devices: int | None) -> dict[str, str]:
    """What a process finds in its environment."""
    found = dict(os.environ) | {COORDINATOR: address, COUNT: str(count), INDEX: str(index), "PYTHONUNBUFFERED": "1"}
    on_gpu = Path("/dev/nvidia0").exists() and found.get("JAX_PLATFORMS", "cuda").startswith(("cuda", "gpu"))
    if on_gpu and "JAX_LOCAL_DEVICE_IDS" not in found:
        each = devices or 1
        found["JAX_LOCAL_DEVICE_IDS"] = ",".join(str(index * each + place) for place in range(each))
    if not on_gpu:
        flags = re.sub(r"--xla_force_host_platform_device_count=\d+", "", found.get("XLA_FLAGS", ""))
        found["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count={devices or 1}".strip()
    return found
