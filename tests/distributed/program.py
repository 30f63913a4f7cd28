"""What the tests of `plait launch` run: says who it is, and then does what its argument says."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
from jax.experimental import multihost_utils

import plait


def main(what: str, *rest: str) -> None:
    """Joins, says who it is, meets the others, and ends as it is told."""
    if not jax.distributed.is_initialized():  # not under `plait launch`, where it has happened
        random.seed(os.getpid())
        np.random.seed(os.getpid())  # noqa: NPY002  (the generator that scripts seed)
        plait.distribution.initialize()
    index, drawn = jax.process_index(), f"{random.random()} {np.random.rand()}"  # noqa: NPY002
    left = [name for name in os.environ if name.startswith("PLAIT_PROCESS") or name == "PLAIT_COORDINATOR"]
    print(f"process {index} of {jax.process_count()} devices {jax.device_count()} left {left} drew {drawn}")
    multihost_utils.sync_global_devices("all are there")
    if what == "once" and not Path(rest[0]).exists():
        if index == 0:
            Path(rest[0]).touch()
        multihost_utils.sync_global_devices("it is written")
        what = "raise"
    if index == 1 and what == "leave":
        subprocess.Popen(["sleep", "2"])  # holds this process's pipes when it is gone
        what = "raise"
    if index == 1 and what == "raise":
        raise ValueError("on purpose")
    if index == 1 and what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "interrupt":
        print("ready")
        time.sleep(100)  # until the test's signal
    if what != "end":
        multihost_utils.sync_global_devices("who was told to end has done so")


if __name__ == "__main__":
    main(*sys.argv[1:])
