"""Low-rank adapters inside layers, beside Keras: weights, values, training, files both ways."""

import warnings

import keras
import numpy as np
import pytest

import plait

CASES = {
    "dense": (lambda lib: lib.layers.Dense(5, activation="tanh", name="it"), (4,)),
    "dense without bias": (lambda lib: lib.layers.Dense(5, use_bias=False, kernel_regularizer="l2", name="it"), (3, 4)),
    "einsum": (lambda lib: lib.layers.EinsumDense("abc,cde->abde", (3, 2, 5), bias_axes="e", name="it"), (3, 4)),
    "embedding": (lambda lib: lib.layers.Embedding(9, 4, name="it"), (6,)),
    "conv1d": (lambda lib: lib.layers.Conv1D(4, 3, name="it"), (8, 3)),
    "conv2d": (lambda lib: lib.layers.Conv2D(4, 3, strides=2, padding="same", name="it"), (8, 8, 3)),
    "conv3d": (lambda lib: lib.layers.Conv3D(3, 2, groups=1, use_bias=False, name="it"), (4, 4, 4, 2)),
}


def model_of(lib, case, adapters=True):
    make, shape = CASES[case]
    whole = case == "embedding"
    layer = make(lib)
    x = lib.Input(shape, dtype="int32" if whole else "float32")
    model = lib.Model(x, lib.layers.Dense(2, name="out")(lib.layers.Flatten()(layer(x))))
    if adapters:
        layer.enable_lora(2, lora_alpha=3)
    return model, layer


def data_of(case):
    rng = np.random.default_rng(3)
    shape = (16, *CASES[case][1])
    x = rng.integers(0, 9, shape).astype("int32") if case == "embedding" else rng.normal(size=shape).astype("float32")
    return x, rng.normal(size=(16, 2)).astype("float32")


def pair(case):
    """The model of both sides with the same weights, adapters that are not zeros among them."""
    (ours, mine), (theirs, other) = model_of(plait, case), model_of(keras, case)
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=w.shape).astype("float32") / 3 for w in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return ours, mine, theirs, other


@pytest.fixture(params=list(CASES))
def case(request):
    return request.param


def same(a, b, atol=1e-5):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=atol)


def test_weights_values_and_the_effective_kernel(case):
    ours, mine, theirs, other = pair(case)
    described = [[(w.name, tuple(w.shape), w.trainable) for w in model.weights] for model in (ours, theirs)]
    assert described[0] == described[1]
    assert [w.path.split("/")[-2:] for w in mine.weights] == [w.path.split("/")[-2:] for w in other.weights]
    x, _ = data_of(case)
    same(ours.predict(x, verbose=0), theirs.predict(x, verbose=0))
    name = mine._kernel_name
    same(getattr(mine, name), getattr(other, name))
    assert {k: v for k, v in mine.get_config().items() if "lora" in k} == {"lora_rank": 2, "lora_alpha": 3}


def test_training_changes_the_same_weights_alike(case):
    ours, mine, theirs, _ = pair(case)
    x, y = data_of(case)
    before = np.asarray(mine._kernel)
    for model, lib in ((ours, plait), (theirs, keras)):
        model.compile(lib.optimizers.Adam(0.01), "mse")
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        same(a, b, 1e-4)
    np.testing.assert_array_equal(before, np.asarray(mine._kernel))


@pytest.mark.parametrize("adapters", [True, False])
def test_files_both_ways(case, adapters, tmp_path):
    x, _ = data_of(case)
    ours, _, theirs, _ = pair(case)
    expected = ours.predict(x, verbose=0)
    for writer, reader in ((ours, keras), (theirs, plait)):
        writer.save(tmp_path / "whole.keras")
        read = reader.saving.load_model(tmp_path / "whole.keras")
        assert read.get_layer("it").lora_enabled
        assert read.get_layer("it").lora_rank == 2
        same(read.predict(x, verbose=0), expected)
        writer.save_weights(tmp_path / "it.weights.h5")
        read = model_of(reader, case, adapters)[0]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read.load_weights(tmp_path / "it.weights.h5")
        same(read.predict(x, verbose=0), expected)


def test_a_file_without_adapters_empties_them_and_they_learn_again(case, tmp_path):
    plain, _ = model_of(plait, case, adapters=False)
    plain.save_weights(tmp_path / "plain.weights.h5")
    ours, mine, _, _ = pair(case)
    ours.load_weights(tmp_path / "plain.weights.h5")
    x, y = data_of(case)
    same(ours.predict(x, verbose=0), plain.predict(x, verbose=0))
    before = [np.asarray(v) for v in mine.trainable_weights if "lora" in v.name]
    ours.compile("sgd", "mse")
    ours.fit(x, y, epochs=2, verbose=0)
    after = [np.asarray(v) for v in mine.trainable_weights if "lora" in v.name]
    assert all(np.abs(a - b).max() > 0 for a, b in zip(before, after, strict=True))


def test_the_constructor_makes_adapters_and_takes_their_alpha(case):
    _, mine, _, _ = pair(case)
    again = type(mine).from_config(mine.get_config())
    again.build(mine.get_build_config()["input_shape"])
    assert again.lora_enabled
    assert (again.lora_rank, again.lora_alpha) == (2, 3)
    assert [w.name for w in again.trainable_weights] == [w.name for w in mine.trainable_weights]


def test_the_kernel_stays_frozen_when_trainable_goes_off_and_on():
    _, mine = model_of(plait, "dense")
    mine.trainable = False
    assert mine.trainable_weights == []
    mine.trainable = True
    assert [w.name for w in mine.trainable_weights] == ["bias", "lora_kernel_a", "lora_kernel_b"]


def test_the_kernel_still_reads_and_assigns_like_a_variable():
    _, mine = model_of(plait, "dense")
    mine.lora_kernel_b.assign(np.ones((2, 5)))
    wanted = np.arange(20, dtype="float32").reshape(4, 5)
    assert not np.allclose(mine.kernel, wanted)
    mine.kernel.assign(wanted)
    np.testing.assert_array_equal(mine.kernel.numpy(), wanted)
    np.testing.assert_array_equal(mine.kernel + 1, wanted + 1)
    assert (mine.kernel.shape, mine.kernel.dtype, len(mine.kernel)) == ((4, 5), "float32", 4)


def test_mixed_precision_is_kerases():
    ours, theirs = (lib.layers.Dense(5, dtype="mixed_bfloat16") for lib in (plait, keras))
    x, _ = data_of("dense")
    for layer in (ours, theirs):
        layer.build((None, 4))
        layer.enable_lora(2)
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=w.shape).astype("float32") for w in theirs.get_weights()]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    assert ours(x).dtype == theirs(x).dtype == "bfloat16"
    np.testing.assert_allclose(np.asarray(ours(x), "float32"), np.asarray(theirs(x), "float32"), rtol=0.02, atol=0.02)
    assert [str(v.dtype) for v in ours.weights] == [str(v.dtype) for v in theirs.weights]


def test_what_cannot_be_adapted_is_refused():
    with pytest.raises(ValueError, match="incompatible with kernel constraints"):
        plait.layers.Dense(2, kernel_constraint="max_norm").enable_lora(2)
    layer = plait.layers.Dense(2)
    with pytest.raises(ValueError, match="isn't yet built"):
        layer.enable_lora(2)
    layer.build((None, 3))
    with pytest.raises(ValueError, match="whole number from 1 up"):
        layer.enable_lora(0)
    layer.enable_lora(2)
    with pytest.raises(ValueError, match="lora is already enabled"):
        layer.enable_lora(2)
    several = plait.layers.Dense(2)
    several([np.zeros((1, 3)), np.zeros((1, 4))])
    with pytest.raises(ValueError, match="this one has 2"):
        several.enable_lora(2)
