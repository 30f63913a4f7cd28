"""Low-rank adapters: nothing changes at first, only they train, and they fold back."""

import numpy as np
import pytest

import plait
from plait import layers, surgery

RNG = np.random.default_rng(0)


def dense():
    x = plait.Input((6,))
    return plait.Model(x, layers.Dense(3, name="head")(layers.Dense(8, activation="relu", name="trunk")(x))), (6,)


def convolutional():
    x = plait.Input((8, 8, 3))
    h = layers.Conv2D(4, 3, name="trunk")(x)
    h = layers.BatchNormalization()(h)
    return plait.Model(x, layers.Dense(3, name="head")(layers.GlobalAveragePooling2D()(h))), (8, 8, 3)


def attending():
    x = plait.Input((5, 8))
    h = layers.MultiHeadAttention(2, 4, dropout=0.1, name="trunk")(x, x)
    return plait.Model(x, layers.Dense(3, name="head")(layers.GlobalAveragePooling1D()(h))), (5, 8)


def nested():
    inner, shape = dense()
    inner.name = "trunk"
    x = plait.Input(shape)
    return plait.Model(x, layers.Dense(3, name="head")(inner(x))), shape


def texts():
    x = plait.Input((5,), dtype="int32")
    h = layers.Embedding(20, 8, mask_zero=True, name="trunk")(x)
    return plait.Model(x, layers.Dense(3, name="head")(layers.LSTM(4)(h))), (5,)


MODELS = [dense, convolutional, attending, nested, texts]


@pytest.fixture(params=MODELS, ids=lambda make: make.__name__)
def adapted(request):
    plait.utils.set_random_seed(0)
    model, shape = request.param()
    x = RNG.integers(0, 20, (24, *shape)) if request.param is texts else RNG.normal(size=(24, *shape)).astype("float32")
    return model, surgery.lora(model, "trunk", rank=2), x


def test_nothing_changes_at_first(adapted):
    model, new, x = adapted
    np.testing.assert_allclose(new(x), model(x), rtol=1e-5, atol=1e-6)
    frozen = {id(v) for v in model.get_layer("trunk").weights}
    assert not frozen & {id(v) for v in new.trainable_weights}


def test_only_adapters_train_and_they_fold_back(adapted, tmp_path):
    model, new, x = adapted
    before = model.get_layer("trunk").get_weights()
    new.compile(plait.optimizers.Adam(0.05), "mse")
    history = new.fit(x, RNG.normal(size=(24, 3)), epochs=4, verbose=0).history["loss"]
    assert history[-1] < history[0]
    kernels = [(a, b) for a, b in zip(before, model.get_layer("trunk").get_weights(), strict=True) if a.ndim > 1]
    for one, other in kernels:
        np.testing.assert_array_equal(one, other)
    expected = new.predict(x, verbose=0)
    assert not np.allclose(expected, model.predict(x, verbose=0), atol=1e-4)
    surgery.save_lora(new, tmp_path / "adapters.npz")
    plain = surgery.merge_lora(new)
    np.testing.assert_allclose(plain.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
    assert [layer.name for layer in plain.layers] == [layer.name for layer in model.layers]


def test_adapters_are_saved_small(tmp_path):
    model, _ = dense()
    x = RNG.normal(size=(24, 6)).astype("float32")
    new = surgery.lora(surgery.copy(model), "trunk", rank=2)
    new.compile(plait.optimizers.Adam(0.05), "mse")
    surgery.freeze(new, "head")
    new.fit(x, RNG.normal(size=(24, 3)), epochs=2, verbose=0)
    surgery.save_lora(new, tmp_path / "adapters.npz")
    again = surgery.lora(surgery.copy(model), "trunk", rank=2)
    surgery.load_lora(again, tmp_path / "adapters.npz")
    np.testing.assert_allclose(again(x), new(x), rtol=1e-5)
    other = surgery.lora(surgery.copy(model), "trunk", rank=3)
    with pytest.raises(ValueError, match="the adapters in"):
        surgery.load_lora(other, tmp_path / "adapters.npz")


def test_a_model_with_adapters_is_saved_and_loaded(tmp_path):
    model, _ = dense()
    new = surgery.lora(model, "*", rank=2)
    x = RNG.normal(size=(4, 6)).astype("float32")
    new.save(tmp_path / "adapted.keras")
    np.testing.assert_allclose(plait.load_model(tmp_path / "adapted.keras")(x), new(x), rtol=1e-6)


def test_refusals():
    model, _ = dense()
    with pytest.raises(ValueError, match=r"no layer of .* fits 'trnk'. Did you mean 'trunk'"):
        surgery.lora(model, "trnk")
    with pytest.raises(ValueError, match="`rank`"):
        surgery.lora(model, "trunk", rank=0)
    x = plait.Input((3,))
    with pytest.raises(ValueError, match="has a kernel to adapt"):
        surgery.lora(plait.Model(x, layers.ReLU(name="act")(x)), "act")
    with pytest.raises(RuntimeError, match="has no adapters"):
        surgery.merge_lora(model)


def test_freeze_until():
    x = plait.Input((4,))
    a = layers.Dense(4, name="a")(x)
    b = layers.Dense(4, name="b")(a)
    side = layers.Dense(4, name="side")(x)
    model = plait.Model(x, layers.Add(name="sum")([layers.Dense(4, name="c")(b), side]))
    surgery.freeze(model, until="c")
    assert [layer.name for layer in model.layers if layer.weights and not layer.trainable] == ["a", "b"]
