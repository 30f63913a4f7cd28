"""A layer that stands in several places of a model is one layer in each copy of the model, too."""

import copy
import pickle

import numpy as np
import pytest

import plait
from plait import layers


@plait.saving.register_keras_serializable("several_places")
class Twice(layers.Layer):
    """A layer of the program's own that holds one."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(self.inner(x))


def two_models():
    x, shared = plait.Input((3,)), layers.Dense(3, name="shared")
    first, second = plait.Model(x, shared(x)), plait.Model(x, plait.ops.relu(shared(x)))
    return joined(first, second), 2


def model_and_graph():
    x, shared = plait.Input((3,)), layers.Dense(3, name="shared")
    return joined(plait.Model(x, shared(x)), shared), 2


def graph_and_model():
    x, shared = plait.Input((3,)), layers.Dense(3, name="shared")
    return joined(shared, plait.Model(x, shared(x))), 2


def two_sequentials():
    shared = layers.Dense(3, name="shared")
    chains = [plait.Sequential([plait.Input((3,)), shared, layers.Dense(3)]) for _ in range(2)]
    return joined(*chains), 6


def deep():
    x, shared = plait.Input((3,)), layers.Dense(3, name="shared")
    inner = plait.Model(x, shared(x))
    outer = plait.Model(x, layers.Dense(3)(inner(x)))
    return joined(outer, shared), 4


def a_model_in_two():
    x = plait.Input((3,))
    inner = plait.Model(x, layers.Dense(3)(x), name="inner")
    return joined(plait.Model(x, inner(x)), plait.Sequential([plait.Input((3,)), inner])), 2


def own_layer():
    shared = layers.Dense(3, name="shared")
    return joined(Twice(shared), shared), 2


def wrapper():
    shared = layers.Dense(3, name="shared")
    long = layers.TimeDistributed(shared)
    x = plait.Input((4, 3))
    return plait.Model(x, layers.Concatenate()([long(x), shared(x)])), 2


def two_own_layers():
    shared = layers.Dense(3, name="shared")
    return joined(Twice(shared), Twice(shared)), 2


def joined(first, second):
    a, b = plait.Input((3,), name="a"), plait.Input((3,), name="b")
    return plait.Model([a, b], layers.Concatenate()([first(a), second(b)]))


MODELS = [
    two_models, model_and_graph, graph_and_model, two_sequentials, deep, a_model_in_two, own_layer, wrapper,
    two_own_layers,
]  # fmt: skip


def through_file(ending):
    def through(model, folder):
        path = folder / f"model{ending}"
        model.save(path)
        return plait.models.load_model(path)

    return through


WAYS = {
    "from_config": lambda model, _: plait.Model.from_config(model.get_config()),
    "json": lambda model, _: plait.models.model_from_json(model.to_json()),
    "keras": through_file(".keras"),
    "h5": through_file(".h5"),
    "clone": lambda model, _: plait.models.clone_model(model),
    "recursive clone": lambda model, _: plait.models.clone_model(model, recursive=True),
    "deepcopy": lambda model, _: copy.deepcopy(model),
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", MODELS)
def test_a_copy_shares_what_the_model_shares(make, way, tmp_path):
    model, weights = make()
    assert len(model.weights) == weights
    x = [np.random.default_rng(0).normal(size=(2, *tensor.shape[1:])).astype("float32") for tensor in model.inputs]
    before = model.predict(x, verbose=0)
    again = WAYS[way](model, tmp_path)
    assert len(again.weights) == weights
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.predict(x, verbose=0), before, rtol=1e-6)
    for weight in again.weights:
        weight.assign(weight.value + 1.0)  # of the copy alone
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


def test_files_keep_the_weights_of_shared_layers(tmp_path):
    for make in MODELS:
        model, _ = make()
        for ending in (".keras", ".h5"):
            again = through_file(ending)(model, tmp_path)
            for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
                np.testing.assert_array_equal(one, other)


def test_only_shared_layers_have_a_number():
    model, _ = two_models()
    numbered = model.to_json().count("shared_object_id")
    assert numbered == 4  # the shared layer and the shared Input, twice each
    x = plait.Input((3,))
    assert "shared_object_id" not in plait.Model(x, layers.Dense(3)(layers.Dense(3)(x))).to_json()
