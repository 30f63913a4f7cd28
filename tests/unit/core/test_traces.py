"""What goes with tracing: garbage is left alone while something is traced, and looked for again after."""

import gc

import numpy as np
import pytest

import plait
from plait.core.infer import infer
from plait.core.traces import Traces


def test_no_garbage_is_looked_for_while_a_model_is_traced():
    seen = []

    class Watching(plait.layers.Layer):
        def call(self, x):
            seen.append(gc.isenabled())
            return x

    x = plait.Input((3,))
    model = plait.Model(x, plait.layers.Dense(2)(Watching()(x)))
    model.compile("sgd", "mse")
    model(np.ones((2, 3)))
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert seen and not any(seen)
    assert gc.isenabled()


def test_an_error_in_a_trace_leaves_the_collector_on():
    class Failing(plait.layers.Layer):
        def call(self, x):
            raise KeyError("no")

    with pytest.raises(KeyError):
        infer(Failing().call, (plait.KerasTensor((None, 3)),), {})
    assert gc.isenabled()
    model = plait.Sequential([Failing()])
    with pytest.raises(KeyError):
        model(np.ones((2, 3)))
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    try:
        traces = Traces()
        traces.note("it", "program", [])
        traces.ended()
        assert not gc.isenabled()
    finally:
        gc.enable()
