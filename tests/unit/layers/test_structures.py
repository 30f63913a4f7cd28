"""A dict or list of tensors for a layer that takes one: never an error from inside."""

import numpy as np
import pytest

import plait
from cases import Input, all_cases
from plait import layers, ops
from plait.common.tree import flatten

ROWS = [case for case in all_cases() if isinstance(case.inputs, Input) and not case.call]


@pytest.mark.parametrize("symbolic", [False, True], ids=["values", "symbolic"])
@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_several_tensors_for_one_are_taken_or_refused(case, symbolic):
    x = case.inputs.array()
    if symbolic:
        x = plait.Input(batch_shape=x.shape, dtype=case.inputs.dtype)
    for given in ({"a": x, "b": x}, [x, x]):
        layer = case.make(layers)
        try:
            found = layer(given)
        except plait.errors.ArgumentError as error:
            refusal = error
        else:
            assert all(hasattr(leaf, "shape") for leaf in flatten(found))
            continue
        own = refusal.__cause__ is None or type(layer).__name__ in str(refusal)
        assert own or "its first argument must be one tensor" in str(refusal)  # of a layer in it


def test_it_says_what_came():
    x = np.ones((2, 4), "float32")
    for layer in (layers.Dense(2, name="d"), layers.BatchNormalization(name="d"), layers.Rescaling(2.0, name="d")):
        with pytest.raises(
            plait.errors.ArgumentError,
            match=r"'d': its first argument must be one tensor, but got \{'a': float32\[2, 4\]\}\. Call it on one of them",
        ):
            layer({"a": x})


def test_the_layers_of_a_program_raise_their_own_errors():
    class Own(layers.Layer):
        def call(self, x):
            return x["missing"]

    with pytest.raises(KeyError):
        Own()({"a": np.ones((2, 4))})
    with pytest.raises(KeyError):
        layers.Lambda(lambda x: x["missing"])({"a": np.ones((2, 4))})


def test_a_cast_to_none_keeps_the_dtype():
    for dtype in ("int32", "float16", "bool"):
        x = np.ones((2, 3), dtype)
        assert ops.cast(x, None).dtype == dtype
        assert ops.cast(plait.Input((3,), dtype=dtype), None).dtype == dtype
