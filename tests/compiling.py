"""How the tests' programs are compiled: quickly, or as a user's are.

A cold run spends most of its time in the compiler, on small programs that run once. Without LLVM's optimizations, and
with the emitters that don't go through MLIR, each takes less than half the time. Products and sums are then rounded one
by one: results may differ in the last bit where two programs write one formula in different ways. `make test-long` sets
PLAIT_TEST_LONG, and compiles as users do.

A warm run, which finds its programs on disk, spends a third of its time in JAX's making an MLIR context for each
program: 5 ms, for a program that runs in microseconds. Here some hundred programs share one.
"""

import os
import threading
from typing import Any

import numpy as np

LONG = bool(os.environ.get("PLAIT_TEST_LONG"))
FLAGS = "" if LONG else "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"


def assert_same_bits(ours, theirs):
    """Two arrays of float32 are equal to the last bit; to two of them where programs are compiled quickly."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    epsilon = 0.0 if LONG else 2.5e-7
    np.testing.assert_allclose(ours, theirs, rtol=epsilon, atol=epsilon * float(np.abs(theirs).max(initial=0)))


def share_contexts(programs: int = 200) -> None:
    """Lets so many programs that JAX lowers in a thread share an MLIR context; more would fill the memory.

    A program that is lowered inside the lowering of another has its own: in a shared one, a copy of its module would
    become part of the other's. Does nothing where JAX has no such function, or programs are compiled as users' are.
    """
    from jax._src.interpreters import mlir
    from jax._src.lib.mlir import ir

    make, shared = getattr(mlir, "make_ir_context", None), threading.local()
    if make is None or LONG:
        return

    def context() -> Any:
        if is_inside():
            return make()
        shared.uses = getattr(shared, "uses", 0) + 1
        if shared.uses % programs == 1:
            shared.context = make()
        return shared.context

    def is_inside() -> bool:
        try:
            return ir.InsertionPoint.current is not None
        except ValueError:  # there is none
            return False

    mlir.make_ir_context = context
