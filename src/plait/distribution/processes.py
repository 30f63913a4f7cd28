"""Several processes as one job: how they join, and how they end.

    initialize() -> _job (which job, and which process of it) -> JAX connects them -> _share_generators -> DataParallel

All of them run the same program, so each reaches the same call in the same order: that is how calls find each other
(`distribution/agreement`).

Life under jit: none.

What it is not: a cluster. SLURM, Open MPI, Kubernetes, a TPU's runtime or `plait launch` start the processes; JAX connects
them, with Gloo between CPUs and NCCL between GPUs.

Differs from Keras: a program that calls `initialize()` runs alone, too, where no job is.
"""

import atexit
import contextlib
import os
import random
import sys
from types import TracebackType

import jax
import numpy as np

from plait.distribution.agreement import of_first
from plait.distribution.layouts import DataParallel, set_distribution
from plait.errors import ArgumentError, StateError

COORDINATOR, COUNT, INDEX = "PLAIT_COORDINATOR", "PLAIT_PROCESSES", "PLAIT_PROCESS"  # set by `plait launch`
ENDS = "PLAIT_PROCESS_ENDS"  # the pipe that takes the number of each process that ends by itself, if by an error
_KUBEFLOW = "JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"
_KERAS = "KERAS_DISTRIBUTION_JOB_ADDRESSES", "KERAS_DISTRIBUTION_NUM_PROCESSES", "KERAS_DISTRIBUTION_PROCESS_ID"
_HEARTBEAT_SECONDS = 30  # a process that is silent for so long counts as dead, and the others end


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Joins the other processes of the job. Call it before anything is computed; `plait launch` has done so.

    With no arguments, JAX finds the job by itself under SLURM, Open MPI, Kubernetes and on Cloud TPUs; without a job, nothing
    happens, and the program runs alone. Python's and NumPy's random numbers are those of the first process on all, and
    batches are split over all devices (`DataParallel`) until `set_distribution` says otherwise. What an uncaught exception
    ends doesn't wait for the others.

    Args:
        job_addresses: the address of the first process, "10.0.0.1:1234"; of several, parted by commas, the first counts.
        num_processes: how many processes there are.
        process_id: which of them this is, from 0.

    Raises:
        ArgumentError: numbers that don't fit each other.
        StateError: something was computed before.
    """
    if jax.distributed.is_initialized():
        return
    address, count, index = _job(job_addresses, num_processes, process_id)
    if count == 1:
        return
    if count is not None and index is not None and not 0 <= index < count:
        raise ArgumentError(
            f"initialize: process_id must be from 0 to {count - 1} in a job of {count}, but got {index}."
        )
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.config.update("jax_enable_preemption_service", False)  # it would keep SIGTERM from the program
    try:
        jax.distributed.initialize(address, count, index, heartbeat_timeout_seconds=_HEARTBEAT_SECONDS)
    except ValueError as error:
        if address is None and "coordinator_address should be defined" in str(error):
            return  # there is no job
        raise ArgumentError(
            f"initialize: the job isn't fully known: the first address is {address!r}, num_processes={count}, "
            f"process_id={index}. Give all three, or none under SLURM, Open MPI or Kubernetes. {error}"
        ) from error
    except RuntimeError as error:
        if "must be called before" not in str(error):
            raise
        raise StateError(
            "initialize: JAX has computed something already, and can't join a job any more. Call "
            "plait.distribution.initialize() first of all, or start the script by `plait launch`."
        ) from error
    _end_at_once_on_errors()
    _share_generators()
    set_distribution(DataParallel())


def _job(addresses: str | None, count: int | None, index: int | None) -> tuple[str | None, int | None, int | None]:
    """The first process's address, the number of processes, and this one's, as far as they are said anywhere."""
    for names in ((COORDINATOR, COUNT, INDEX), _KUBEFLOW, _KERAS):
        said = [os.environ.get(name) for name in names]
        addresses = addresses if addresses is not None else said[0]
        count = count if count is not None or said[1] is None else int(said[1])
        index = index if index is not None or said[2] is None else int(said[2])
    for name in (COORDINATOR, COUNT, INDEX):  # programs that this one starts are no part of the job
        os.environ.pop(name, None)
    return (addresses.split(",")[0] if addresses else None), count, index


def _share_generators() -> None:
    """Has Python's and NumPy's generators go on as the first process's do."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002  (the generator that scripts seed)
    version, state, gauss = random.getstate()
    kept = of_first([[name, keys.tolist(), *rest], [version, list(state), gauss]], "initialize")  # type: ignore[union-attr]
    (name, keys, *rest), (version, state, gauss) = kept
    np.random.set_state((name, np.array(keys, np.uint32), *rest))  # noqa: NPY002
    random.setstate((version, tuple(state), gauss))


def _end_at_once_on_errors() -> None:
    """Has this process end when an exception ends its program.

    JAX would wait at exit for the others, which wait for this one.
    """
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, trace)
        atexit.register(end_at_once, 1)

    sys.excepthook = hook


def end_at_once(code: int) -> None:
    """Ends the process without waiting for others; what was printed is there."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
