"""Every verb of surgery on every kind of graph: what it computes, what it shares, and that files hold the result."""

import keras
import numpy as np
import pytest

import plait
from plait import layers, surgery


def chain():
    x = plait.Input((6,), name="x")
    h = layers.Dense(5, activation="tanh", name="first")(x)
    return plait.Model(x, layers.Dense(2, name="last")(layers.BatchNormalization(name="mid")(h)), name="chain")


def residual():
    x = plait.Input((6,), name="x")
    h = layers.Dense(6, activation="relu", name="first")(x)
    h = layers.Add(name="sum")([x, layers.Dense(6, name="mid")(h)])
    return plait.Model(x, layers.Dense(2, name="last")(h), name="residual")


def siamese():
    tower = layers.Dense(4, activation="tanh", name="mid")
    a, b = plait.Input((6,), name="a"), plait.Input((6,), name="b")
    first = layers.Dense(6, name="first")(a)
    gap = layers.Subtract(name="gap")([tower(first), tower(b)])
    return plait.Model([a, b], layers.Dense(1, name="last")(gap), name="siamese")


def nested():
    inner = plait.Sequential([plait.Input((5,)), layers.Dense(4, name="deepest")], name="inner")
    x = plait.Input((6,))
    middle = plait.Model(x, inner(layers.Dense(5, name="before")(x)), name="mid")
    x = plait.Input((6,), name="x")
    h = middle(layers.Dense(6, name="first")(x))
    return plait.Model(x, layers.Dense(2, name="last")(h), name="nested")


def many():
    a, b = plait.Input((6,), name="a"), plait.Input((3,), name="b")
    h = layers.Concatenate(name="both")([layers.Dense(4, name="first")(a), b])
    h = layers.Dense(5, activation="relu", name="mid")(h)
    return plait.Model(
        {"a": a, "b": b}, {"p": layers.Dense(1, name="last")(h), "q": layers.Dense(2, name="other")(h)}, name="many"
    )


def recurrent():
    x = plait.Input((4, 6), name="x")
    h = layers.Masking(name="first")(x)
    sequence, state = layers.GRU(5, return_sequences=True, return_state=True, name="mid")(h)
    out = layers.GRU(3, name="last")(sequence, initial_state=layers.Dense(3, name="start")(state))
    return plait.Model(x, out, name="recurrent")


MODELS = [chain, residual, siamese, nested, many, recurrent]


@pytest.fixture(params=MODELS, ids=lambda make: make.__name__)
def model(request):
    plait.utils.set_random_seed(0)
    return request.param()


def inputs_of(model, rows=3, seed=0):
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=(rows, *tensor.shape[1:])).astype("float32") for tensor in model.inputs]
    if isinstance(model.input, dict):
        return dict(zip(sorted(model.input), values, strict=True))
    return values if len(values) > 1 else values[0]


def same(first, second):
    first, second = plait.tree.flatten(first), plait.tree.flatten(second)
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def in_files(model, x, tmp_path):
    """A file of the model gives the same model, here and in Keras."""
    model.save(tmp_path / "model.keras")
    expected = model.predict(x, verbose=0)
    same(plait.load_model(tmp_path / "model.keras").predict(x, verbose=0), expected)
    same(keras.saving.load_model(tmp_path / "model.keras").predict(x, verbose=0), expected)


def shares(new, old):
    mine, theirs = {id(v) for v in new.weights}, {id(v) for v in old.weights}
    return mine <= theirs


def test_cut(model, tmp_path):
    x = inputs_of(model)
    part = surgery.cut(model, {"middle": "mid", "end": "last"})
    assert shares(part, model)
    middle = model.get_layer("mid").output
    middle = middle[0] if isinstance(middle, list) and model.name == "recurrent" else middle
    found = part(x)
    same(found["end"], plait.tree.flatten(model(x))[0])
    copied = surgery.cut(model, "last", share=False)
    assert not {id(v) for v in copied.weights} & {id(v) for v in model.weights}
    same(copied(x), found["end"])
    in_files(part, x, tmp_path)


def test_graft(model, tmp_path):
    x = inputs_of(model)
    new = surgery.graft(model, [layers.Dense(7, name="new"), layers.ReLU(name="act")], at="last")
    assert new.output_shape[-1] == 7
    expected = np.maximum(np.asarray(plait.tree.flatten(model(x))[0]) @ new.get_layer("new").kernel.numpy(), 0)
    same(new(x), expected)
    both = surgery.graft(model, layers.Dense(7, name="new"), at="last", keep=True)
    assert len(both.outputs) == len(model.outputs) + 1
    in_files(both, x, tmp_path)


def test_insert_and_remove(model, tmp_path):
    x = inputs_of(model)
    place = "first" if model.name != "recurrent" else "start"
    longer = surgery.insert(model, place, layers.Rescaling(2.0, name="twice"))
    assert shares(longer, model)
    assert not np.allclose(plait.tree.flatten(longer(x))[0], plait.tree.flatten(model(x))[0])
    in_files(longer, x, tmp_path)
    back = surgery.remove(longer, "twice")
    same(back(x), model(x))
    assert [layer.name for layer in back.layers] == [layer.name for layer in model.layers]


def test_replace(model, tmp_path):
    x = inputs_of(model)

    def twin(old):
        new = type(old).from_config(old.get_config())
        new.build_from_config(old.get_build_config())
        new.set_weights(old.get_weights())
        return new

    new = surgery.replace(model, "last", twin)
    same(new(x), model(x))
    assert new.get_layer("last") is not model.get_layer("last")
    assert new.get_layer("first") is model.get_layer("first")
    in_files(new, x, tmp_path)


def test_rename(model, tmp_path):
    x = inputs_of(model)
    new = surgery.rename(model, "left_")
    assert all(layer.name.startswith("left_") for layer in new.layers)
    assert shares(new, model)
    same(new(x), model(x))
    one = surgery.rename(model, {"last": "head"})
    assert one.get_layer("head").get_weights()[0].shape == model.get_layer("last").get_weights()[0].shape
    in_files(one, x, tmp_path)


def test_copies_are_trained_alone(model):
    x = inputs_of(model, rows=8)
    before = model.get_weights()
    twin = surgery.copy(model)
    same(twin(x), model(x))
    twin.compile("sgd", "mse")
    labels = plait.tree.map_structure(np.ones_like, model.predict(x, verbose=0))
    twin.fit(x, labels, epochs=2, verbose=0)
    same(model.get_weights(), before)
    assert not np.allclose(twin.get_weights()[-2], before[-2])


def test_two_copies_compose_without_clashes(model, tmp_path):
    x = inputs_of(model)
    twin = surgery.copy(model)
    merged = surgery.merge([model, twin], inputs="same")
    found = plait.tree.flatten(merged(x))
    same(found, [*plait.tree.flatten(model(x)), *plait.tree.flatten(twin(x))])
    in_files(merged, x, tmp_path)
    apart = surgery.merge({"one": model, "two": twin})
    assert len(apart.inputs) == 2 * len(model.inputs)


@pytest.mark.parametrize("make", [chain, residual, nested, many], ids=lambda make: make.__name__)
def test_feed_and_split(make, tmp_path):
    plait.utils.set_random_seed(0)
    model = make()
    x = inputs_of(model)
    place = "sum" if model.name == "residual" else "mid"
    first, second = surgery.split(model, [place])
    same(second(first(x)), model(x))
    assert shares(second, model)
    late = surgery.feed(model, {"late": place})
    assert late.input_names == ["late_input"] or late.input_names == [f"{place}_input"]
    same(late({late.input_names[0]: first(x)}) if len(late.inputs) == 1 else late([first(x)]), model(x))
    in_files(second, first(x), tmp_path)


def test_tensors_through_nested_models(tmp_path):
    plait.utils.set_random_seed(0)
    model = nested()
    x = inputs_of(model)
    part = plait.Model(model.input, [model.tensor("mid/inner/deepest"), model.output])
    deep, out = part(x)
    same(out, model(x))
    rest = model.between("mid/inner/deepest", "last")
    same(rest(deep), model(x))
    assert model["mid/inner/deepest"] is model.get_layer("mid").get_layer("inner").get_layer("deepest")
    in_files(rest, np.asarray(deep), tmp_path)
