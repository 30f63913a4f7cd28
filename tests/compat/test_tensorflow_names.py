"""The stand-in for TensorFlow computes what TensorFlow computed: values, shapes and text, of JAX's arrays and of host tensors."""

import json

import numpy as np
import pytest

import plait
from plait.compat.tensors import on_host

from . import tensorflow_cases

ANSWERS = json.loads(tensorflow_cases.ANSWERS.read_text())["answers"]


@pytest.fixture(scope="module")
def tf():
    plait.compat.install()
    import tensorflow

    yield tensorflow
    plait.compat.uninstall()


@pytest.mark.parametrize("name", tensorflow_cases.CASES)
@pytest.mark.parametrize("lies", ["device", "host"])
def test_the_value_is_tensorflows(tf, name, lies):
    def on_the_host(value, dtype=None):
        return on_host(value if dtype is None else np.asarray(value, dtype))

    make = on_the_host if lies == "host" else tf.constant
    found = tensorflow_cases.evaluated(tensorflow_cases.CASES[name], tf, make)
    expected = ANSWERS[name]
    assert [shape for shape, _ in found] == [shape for shape, _ in expected]
    for (_, ours), (_, theirs) in zip(found, expected, strict=True):
        if np.asarray(theirs).dtype.kind in "OU":
            assert ours == theirs
        else:
            np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), rtol=2e-5, atol=2e-5)


def test_every_case_has_an_answer():
    assert ANSWERS.keys() == tensorflow_cases.CASES.keys()
