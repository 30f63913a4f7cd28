"""Learning-rate schedules beside Keras's: the same rates at the same steps, and the same configs."""

import inspect

import jax
import keras
import numpy as np
import pytest

from plait.optimizers import schedules

STEPS = (0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 20, 25, 40)

TABLE = [
    ("ExponentialDecay", (0.1, 10, 0.9), {}),
    ("ExponentialDecay", (0.1, 10, 0.9), {"staircase": True}),
    ("InverseTimeDecay", (0.1, 10, 0.5), {}),
    ("InverseTimeDecay", (0.1, 10, 0.5), {"staircase": True}),
    ("PolynomialDecay", (0.1, 5), {}),
    ("PolynomialDecay", (0.1, 5, 0.01), {"power": 2.0, "cycle": True}),
    ("CosineDecay", (0.1, 10), {}),
    ("CosineDecay", (0.1, 10), {"alpha": 0.1, "warmup_target": 0.2, "warmup_steps": 4}),
    ("CosineDecay", (0.1, 10), {"warmup_steps": 3}),
    ("CosineDecay", (0.0, 10), {"warmup_target": 0.2, "warmup_steps": 0}),
    ("CosineDecayRestarts", (0.1, 4), {}),
    ("CosineDecayRestarts", (0.1, 4), {"t_mul": 1.0, "m_mul": 0.5, "alpha": 0.1}),
    ("CosineDecayRestarts", (0.1, 3), {"t_mul": 1.5, "m_mul": 0.9}),
    ("PiecewiseConstantDecay", ([2, 4], [1.0, 0.5, 0.1]), {}),
    ("PiecewiseConstantDecay", ([2.5, 4.0], [1.0, 0.5, 0.1]), {"name": "steps"}),
]
ROWS = [pytest.param(*row, id=f"{row[0]}-{number}") for number, row in enumerate(TABLE)]


@pytest.mark.parametrize("name, arguments, options", ROWS)
def test_rates_are_those_of_keras(name, arguments, options):
    ours = getattr(schedules, name)(*arguments, **options)
    theirs = getattr(keras.optimizers.schedules, name)(*arguments, **options)
    expected = [float(theirs(step)) for step in STEPS]
    np.testing.assert_allclose([float(ours(step)) for step in STEPS], expected, rtol=1e-5, atol=1e-8)
    compiled = jax.jit(jax.vmap(ours))(np.array(STEPS, "int32"))
    assert compiled.dtype == "float32"
    np.testing.assert_allclose(compiled, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name, arguments, options", ROWS)
def test_configs_are_those_of_keras(name, arguments, options):
    ours = getattr(schedules, name)(*arguments, **options)
    config = schedules.serialize(ours)
    assert config == keras.optimizers.schedules.serialize(
        getattr(keras.optimizers.schedules, name)(*arguments, **options)
    )
    again = schedules.deserialize(config)
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()


@pytest.mark.parametrize("name", sorted({row[0] for row in TABLE}))
def test_signatures_are_those_of_keras(name):
    def parameters(cls):
        return [(p.name, p.default) for p in inspect.signature(cls).parameters.values()]

    assert parameters(getattr(schedules, name)) == parameters(getattr(keras.optimizers.schedules, name))


def test_whole_numbers_are_rates_too():
    """Keras computes in integers there, so that this rate is 0 at once: docs/differences.md."""
    assert float(schedules.ExponentialDecay(1, 10, 0.9)(10)) == pytest.approx(0.9)


@pytest.mark.parametrize(
    "name, arguments",
    [("PiecewiseConstantDecay", ([2, 4], [1.0, 0.5])), ("CosineDecay", (0.1, 0)), ("PolynomialDecay", (0.1, 0))],
)
def test_what_keras_refuses_is_refused(name, arguments):
    for library in (schedules, keras.optimizers.schedules):
        with pytest.raises(ValueError):
            getattr(library, name)(*arguments)(1)


def test_a_schedule_of_the_program():
    class Halving(schedules.LearningRateSchedule):
        def __init__(self, first):
            self.first = first

        def __call__(self, step):
            return self.first * 0.5**step

    schedule = Halving(1.0)
    assert schedule.get_config() == {"first": 1.0}
    assert float(schedule(2)) == 0.25
    with pytest.raises(RuntimeError, match="must override `__call__"):
        schedules.LearningRateSchedule()(0)
