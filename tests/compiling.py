"""How the tests' programs are compiled: quickly, or as a user's are.

A cold run spends most of its time in the compiler, on small programs that run once. Without LLVM's optimizations, and
with the emitters that don't go through MLIR, each takes less than half the time. Products and sums are then rounded one
by one: results may differ in the last bit where two programs write one formula in different ways. `make test-long` sets
PLAIT_TEST_OPTIMIZED, and compiles as users do.
"""

import os

import numpy as np

OPTIMIZED = bool(os.environ.get("PLAIT_TEST_OPTIMIZED"))
FLAGS = "" if OPTIMIZED else "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"


def assert_same_bits(ours, theirs):
    """Two arrays of float32 are equal to the last bit; to two of them where programs are compiled quickly."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    epsilon = 0.0 if OPTIMIZED else 2.5e-7
    np.testing.assert_allclose(ours, theirs, rtol=epsilon, atol=epsilon * float(np.abs(theirs).max(initial=0)))
