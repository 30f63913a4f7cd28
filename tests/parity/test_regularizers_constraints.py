"""Regularizers and constraints: values, gradients and configs are Keras's."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import plait
from plait.errors import ArgumentError

W = np.random.default_rng(0).normal(size=(5, 4)).astype("float32") * 2
REGULARIZERS = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.2, "l2": 0.1}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]
CONSTRAINTS = [
    ("Constraint", {}),
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 1.5, "axis": 1}),
    ("MaxNorm", {"axis": [0, 1]}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": 1}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 2.0, "rate": 0.3, "axis": 1}),
]


def pair(namespace, name, options):
    return (getattr(getattr(library, namespace), name)(**options) for library in (plait, keras))


@pytest.mark.parametrize("name, options", REGULARIZERS)
def test_penalties_are_the_same(name, options):
    ours, theirs = pair("regularizers", name, options)
    both = jax.jit(lambda w: [jax.value_and_grad(lambda w, f=f: jnp.asarray(f(w)))(w) for f in (ours, theirs)])
    (penalty, gradient), (expected, wanted) = both(W)
    np.testing.assert_allclose(penalty, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name, options", CONSTRAINTS)
def test_constrained_weights_are_the_same(name, options):
    ours, theirs = pair("constraints", name, options)
    np.testing.assert_allclose(ours(W), theirs(jnp.asarray(W)), rtol=1e-6)


ALL = [("regularizers", *row) for row in REGULARIZERS] + [("constraints", *row) for row in CONSTRAINTS]


@pytest.mark.parametrize("namespace, name, options", ALL)
def test_configs_are_those_of_files(namespace, name, options):
    ours, theirs = pair(namespace, name, options)
    data, expected = (getattr(library, namespace).serialize(x) for library, x in ((plait, ours), (keras, theirs)))
    config, expected_config = data.pop("config"), expected.pop("config")
    assert data == expected
    for key in expected_config:
        assert config[key] == pytest.approx(expected_config[key])  # Keras rounds some factors to float32
    again = getattr(plait, namespace).deserialize({**expected, "config": expected_config})
    assert type(again) is type(ours)


@pytest.mark.parametrize("namespace", ["regularizers", "constraints"])
def test_every_name_finds_its_class(namespace):
    module = getattr(keras.src, namespace)
    ours, theirs = getattr(plait, namespace), getattr(keras, namespace)
    for name in module.ALL_OBJECTS_DICT:
        assert type(ours.get(name)).__name__ == type(theirs.get(name)).__name__
    assert {name for name in vars(theirs) if not name.startswith("_")} <= set(ours.__all__)
    assert ours.get(None) is None
    assert ours.get(len) is len


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: plait.regularizers.L1(-1.0),
        lambda: plait.regularizers.L2("a"),
        lambda: plait.regularizers.L1L2(0.0, float("nan")),
        lambda: plait.regularizers.OrthogonalRegularizer(mode="row"),
        lambda: plait.regularizers.OrthogonalRegularizer()(np.ones((2, 2, 2), "float32")),
        lambda: plait.regularizers.get("l3"),
        lambda: plait.constraints.get("nonneg"),
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ArgumentError):
        wrong()


def test_none_is_the_default_factor():
    assert plait.regularizers.L1(None).l1 == 0.01
    assert plait.regularizers.L1L2(None, 0.1).get_config() == {"l1": 0.0, "l2": 0.1}
