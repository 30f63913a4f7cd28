"""Random draws: the same seed gives Keras's numbers, bit by bit."""

import random as python_random

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import plait
from plait.core.pure import pure
from plait.errors import ArgumentError, StateError

DRAWS = [
    ("normal", ((3, 5),), {}),
    ("normal", ((3, 5),), {"mean": 2.0, "stddev": 0.5, "dtype": "bfloat16"}),
    ("truncated_normal", ((7,),), {"stddev": 0.1}),
    ("uniform", ([2, 3],), {}),
    ("uniform", ((4,),), {"minval": -1.0, "maxval": 3.0, "dtype": "float16"}),
    ("randint", ((6,), 0, 100), {}),
    ("randint", ((6,), -3, 3), {"dtype": "int16"}),
    ("categorical", (np.log([[0.1, 0.9, 1.0], [1.0, 1.0, 1.0]]).astype("float32"), 8), {}),
    ("dropout", (jnp.arange(12, dtype="float32").reshape(3, 4), 0.4), {}),
    ("dropout", (jnp.arange(12, dtype="float32").reshape(3, 4), 0.4), {"noise_shape": (None, 1)}),
    ("dropout", (jnp.ones((2, 2), "float32"), 1.0), {}),
    ("dropout", (jnp.ones((2, 2), "float32"), 0.0), {}),
    ("shuffle", (np.arange(10),), {}),
    ("shuffle", (np.arange(12).reshape(3, 4),), {"axis": 1}),
    ("gamma", ((5,), 2.0), {}),
    ("beta", ((2,), [1.0, 2.0], 2.0), {}),
    ("binomial", ((4,), 10.0, 0.3), {}),
]


@pytest.mark.parametrize("name, args, options", DRAWS, ids=[f"{i}-{row[0]}" for i, row in enumerate(DRAWS)])
def test_a_seed_gives_the_same_numbers(name, args, options):
    ours, theirs = getattr(plait.random, name), getattr(keras.random, name)
    got, expected = ours(*args, seed=1337, **options), theirs(*args, seed=1337, **options)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


def test_generators_walk_the_same_way():
    ours, theirs = plait.random.SeedGenerator(42), keras.random.SeedGenerator(42)
    for ordered in (True, True, False, True, False, False):
        np.testing.assert_array_equal(ours.next(ordered), theirs.next(ordered))
    np.testing.assert_array_equal(ours.state.value, theirs.state.value)
    assert ours.state.dtype == "uint32"
    assert not ours.state.trainable
    assert ours.state.name == theirs.state.name


def test_draws_without_a_seed_follow_set_random_seed():
    drawn = []
    for library in (plait, keras):
        library.utils.set_random_seed(5) if library is keras else plait.random.set_random_seed(5)
        draws = [library.random.uniform((3,)), library.random.normal((2,)), library.random.SeedGenerator().next()]
        drawn.append([*map(np.asarray, draws), np.random.rand(2), python_random.random()])  # noqa: NPY002
    for got, expected in zip(*drawn):
        np.testing.assert_array_equal(got, expected)


def test_a_generator_inside_a_pure_function_goes_in_and_out():
    generator = plait.random.SeedGenerator(3)
    draw = jax.jit(pure(lambda: plait.random.normal((2,), seed=generator), [generator.state]))
    first, state = draw([generator.state.value])
    second, state = draw(state)
    expected = keras.random.SeedGenerator(3)
    np.testing.assert_array_equal(first, keras.random.normal((2,), seed=expected))
    np.testing.assert_array_equal(second, keras.random.normal((2,), seed=expected))
    assert state[0].tolist() == [3, 2]


def test_a_draw_without_a_seed_in_a_strangers_trace_is_refused():
    with pytest.raises(StateError, match="SeedGenerator"):
        jax.jit(lambda: plait.random.normal((2,)))()


@pytest.mark.parametrize("seed", ["a", 1.5, -1, 2**32])
def test_what_is_no_seed_is_refused(seed):
    for use in (plait.random.SeedGenerator, plait.random.set_random_seed, lambda s: plait.random.normal((1,), seed=s)):
        with pytest.raises(ArgumentError, match="seed"):
            use(seed)


def test_dtypes_that_cannot_hold_a_draw_are_refused():
    with pytest.raises(ArgumentError, match="floating"):
        plait.random.uniform((2,), dtype="int32")
    with pytest.raises(ArgumentError, match="integer"):
        plait.random.randint((2,), 0, 3, dtype="float32")


def test_a_generator_comes_back_from_its_config():
    config = plait.common.serialization.serialize(plait.random.SeedGenerator(3, name="seeds"))
    again = plait.common.serialization.deserialize(config)
    assert config == keras.saving.serialize_keras_object(keras.random.SeedGenerator(3, name="seeds"))
    assert (again.seed, again.name) == (3, "seeds")
