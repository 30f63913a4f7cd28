"""What costs a compilation: no program is made for zeros, copies and data that only have to be moved."""

import jax
import numpy as np
import pytest

import plait


@pytest.fixture
def compiled(monkeypatch):
    """The names of the programs that were compiled."""
    names = []

    def listen(event, seconds, **details):
        if event.endswith("jaxpr_to_mlir_module_duration"):
            names.append(details.get("fun_name", "?"))

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def test_a_fit_compiles_its_step_and_nothing_else(compiled):
    width = 37  # a shape that no other test has
    x = plait.Input((width,))
    model = plait.Model(x, plait.layers.Dense(width + 1, kernel_initializer="zeros")(x))
    model.compile("adam", "mse")
    model.fit(np.ones((8, width)), np.ones((8, width + 1)), batch_size=4, epochs=2, verbose=0)
    assert len(compiled) == 1, compiled


def test_zeros_and_copies_are_what_they_stand_for():
    weight = plait.Variable(np.arange(3.0))
    again = plait.Variable(weight.value)
    assert again.numpy().tolist() == [0, 1, 2]
    assert again.value is not weight.value
    zeros = plait.core.variable.zeros_like(weight.value)
    assert zeros.dtype == weight.value.dtype and zeros.tolist() == [0, 0, 0]
    assert jax.jit(plait.core.variable.zeros_like)(weight.value).tolist() == [0, 0, 0]
