"""What a model writes comes back: operations, optimizers with their options, states, and states of optimizers."""

import keras
import numpy as np
import pytest

import plait
from plait import layers, ops

ROWS = np.arange(4, dtype="float32")
SQUARE = np.ones((4, 3), "float32")
OPERATIONS = {
    "a + b": lambda a, b: a + b,
    "1.5 + a": lambda a, b: 1.5 + a,
    "a - b": lambda a, b: a - b,
    "2 - a": lambda a, b: 2 - a,
    "array - a": lambda a, b: ROWS - a,
    "a * 2": lambda a, b: a * 2.0,
    "a * array": lambda a, b: a * ROWS,
    "a / 3": lambda a, b: a / 3,
    "1 / a": lambda a, b: 1 / (a + 9),
    "a // 0.5": lambda a, b: a // 0.5,
    "a % 0.7": lambda a, b: a % 0.7,
    "a ** 2": lambda a, b: a**2,
    "2 ** a": lambda a, b: 2.0**a,
    "a @ array": lambda a, b: a @ SQUARE,
    "array @ a": lambda a, b: np.ones((2, 5), "float32") @ a,
    "-a": lambda a, b: -a,
    "abs(a)": lambda a, b: abs(a),
    "a < b": lambda a, b: a < b,
    "a <= 0": lambda a, b: a <= 0.0,
    "a > b": lambda a, b: a > b,
    "a >= b": lambda a, b: a >= b,
    "a != b": lambda a, b: a != b,
    "and": lambda a, b: (a > 0) & (b > 0),
    "or": lambda a, b: (a > 0) | (b > 0),
    "xor": lambda a, b: (a > 0) ^ (b > 0),
    "not": lambda a, b: ~(a > 0),
    "round": lambda a, b: round(a, 1),
    "[:, 0]": lambda a, b: a[:, 0],
    "[:, 1:3]": lambda a, b: a[:, 1:3],
    "[:, ::2]": lambda a, b: a[:, ::2],
    "[..., 1]": lambda a, b: a[..., 1],
    "[:, None]": lambda a, b: a[:, None],
    "[:, 1, None, ::2]": lambda a, b: a[:, 1, None, ::2],
    "transpose": lambda a, b: ops.transpose(a, (0, 2, 1)),
    "concatenate": lambda a, b: ops.concatenate([a, b], axis=-1),
    "stack": lambda a, b: ops.stack([a, b], axis=1),
    "split": lambda a, b: ops.split(a, 2, axis=-1)[1],
    "where": lambda a, b: ops.where(a > 0, a, b),
    "mean": lambda a, b: ops.mean(a, axis=1),
    "mean of two axes": lambda a, b: ops.mean(a, axis=(1, 2), keepdims=True),
    "average": lambda a, b: ops.average(a, axis=1),
    "max": lambda a, b: ops.max(a, axis=1),
    "argmax": lambda a, b: ops.argmax(a, axis=-1),
    "reshape": lambda a, b: ops.reshape(a, (-1, 20)),
    "reshape by shape": lambda a, b: ops.reshape(a, (ops.shape(a)[0], 20)),
    "expand_dims": lambda a, b: ops.expand_dims(a, 1),
    "cast": lambda a, b: ops.cast(a, "int32"),
    "softmax": lambda a, b: ops.softmax(a, axis=1),
    "relu": lambda a, b: ops.relu(a),
    "one_hot": lambda a, b: ops.one_hot(ops.cast(abs(a[:, :, 0]), "int32"), 3),
    "einsum": lambda a, b: ops.einsum("btd,bsd->bts", a, b),
    "dot": lambda a, b: ops.dot(a, SQUARE),
    "norm": lambda a, b: ops.norm(a, axis=-1),
    "clip": lambda a, b: ops.clip(a, -0.5, 0.5),
    "maximum": lambda a, b: ops.maximum(a, 0.1),
    "minimum": lambda a, b: ops.minimum(a, b),
    "multiply": lambda a, b: ops.multiply(a, b),
    "subtract": lambda a, b: ops.subtract(a, b),
    "pad": lambda a, b: ops.pad(a, [[0, 0], [1, 1], [0, 0]]),
    "tile": lambda a, b: ops.tile(a, (1, 2, 1)),
    "take": lambda a, b: ops.take(a, [0, 2], axis=1),
    "top_k": lambda a, b: ops.top_k(a, 2)[0],
    "cumsum": lambda a, b: ops.cumsum(a, axis=1),
    "Add beside add": lambda a, b: layers.Add()([a, b]) + a,
    "Dot beside dot": lambda a, b: ops.dot(layers.Dot(axes=2)([a, b]), np.ones((5, 2), "float32")),
    "masks": lambda a, b: layers.LSTM(3)(layers.Masking()(a)),
}


@pytest.mark.parametrize("ending", [".h5", ".keras"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_graph_with_operations_is_read_as_it_was(name, ending, tmp_path):
    a, b = plait.Input((5, 4), name="a"), plait.Input((5, 4), name="b")
    model = plait.Model([a, b], OPERATIONS[name](a, b))
    model.save(tmp_path / f"m{ending}")
    again = plait.load_model(tmp_path / f"m{ending}")
    x = list(np.random.default_rng(0).normal(size=(2, 2, 5, 4)).astype("float32"))
    np.testing.assert_array_equal(again(x), model(x))


# ---------------------------------------------------------------------------- optimizers


def data():
    """Rows and targets."""
    return np.ones((8, 3), "float32"), np.zeros((8, 1), "float32")


def trained(lib, policy="float32", scaled=False, **options):
    """A model that was trained a little, with or without an optimizer that scales its loss."""
    x = lib.Input((3,))
    model = lib.Model(x, lib.layers.Dense(1, dtype=policy)(x))
    optimizer = lib.optimizers.Adam(0.01, clipnorm=1.0)
    if scaled:
        optimizer = lib.optimizers.LossScaleOptimizer(optimizer, initial_scale=64.0, dynamic_growth_steps=3)
    model.compile(optimizer, "mean_squared_error", **options)
    model.fit(*data(), epochs=2, verbose=0)
    return model


def same_optimizer(one, other):
    """Two optimizers are of one class, with the same options and state."""
    assert type(one).__name__ == type(other).__name__
    mine, theirs = one.get_config(), other.get_config()
    for config in (mine, theirs):
        config.pop("name")
    assert mine.get("initial_scale") == theirs.get("initial_scale")
    assert mine.get("dynamic_growth_steps") == theirs.get("dynamic_growth_steps")
    for a, b in zip(one.variables, other.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.fixture
def mixed():
    """float16 with weights in float32, for all that is made."""
    plait.config.set_dtype_policy("mixed_float16")
    yield
    plait.config.set_dtype_policy("float32")


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_an_optimizer_that_scales_the_loss_comes_back_as_one(policy, ending, tmp_path):
    model = trained(plait, policy, scaled=True)
    model.save(tmp_path / f"m{ending}")
    again = plait.load_model(tmp_path / f"m{ending}")
    same_optimizer(model.optimizer, again.optimizer)
    assert again.optimizer.inner_optimizer.clipnorm == 1.0


def test_keras_reads_and_writes_an_optimizer_that_scales_the_loss(tmp_path):
    trained(plait, scaled=True).save(tmp_path / "ours.keras")
    trained(keras, scaled=True).save(tmp_path / "theirs.keras")
    for name in ("ours", "theirs"):
        same_optimizer(
            plait.load_model(tmp_path / f"{name}.keras").optimizer,
            keras.saving.load_model(tmp_path / f"{name}.keras").optimizer,
        )


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("options", [{}, {"auto_scale_loss": False}, {"scaled": True}])
def test_options_under_mixed_float16_come_back(options, ending, mixed, tmp_path):
    model = trained(plait, "mixed_float16", **options)
    model.save(tmp_path / f"m{ending}")
    same_optimizer(model.optimizer, plait.load_model(tmp_path / f"m{ending}").optimizer)


def test_a_scaled_loss_that_compile_chose_comes_back_under_another_policy(mixed, tmp_path):
    model = trained(plait, "mixed_float16")
    assert isinstance(model.optimizer, plait.optimizers.LossScaleOptimizer)
    model.save(tmp_path / "m.keras")
    plait.config.set_dtype_policy("float32")
    same_optimizer(model.optimizer, plait.load_model(tmp_path / "m.keras").optimizer)


@pytest.mark.parametrize("scaled", [False, True])
def test_weights_bring_the_optimizers_state_to_a_model_that_was_just_compiled(scaled, tmp_path):
    model = trained(plait, scaled=scaled)
    model.save_weights(tmp_path / "m.weights.h5")
    x = plait.Input((3,))
    other = plait.Model(x, plait.layers.Dense(1)(x))
    optimizer = plait.optimizers.Adam(0.01, clipnorm=1.0)
    other.compile(
        plait.optimizers.LossScaleOptimizer(optimizer, dynamic_growth_steps=3) if scaled else optimizer, "mse"
    )
    other.load_weights(tmp_path / "m.weights.h5")
    for each in (model, other):
        each.fit(*data(), verbose=0)
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


# ---------------------------------------------------------------------------- states


def stateful(batch=2, stateful=True):
    """Recurrent layers that keep their states, alone and in a wrapper."""
    x = plait.Input(batch_shape=(batch, 5, 3))
    h = layers.LSTM(4, stateful=stateful, return_sequences=True, name="lstm")(x)
    h = layers.Bidirectional(layers.GRU(2, stateful=stateful, return_sequences=True), name="both")(h)
    return plait.Model(x, layers.RNN([layers.SimpleRNNCell(2), layers.LSTMCell(3)], stateful=stateful, name="rnn")(h))


@pytest.mark.parametrize("ending", [".keras", ".h5", ""])
def test_states_of_recurrent_layers_come_back(ending, tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    model = stateful()
    model.predict(x, verbose=0)
    plait.saving.save_model(model, tmp_path / f"m{ending}", zipped=None if ending else False)
    again = plait.load_model(tmp_path / f"m{ending}")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_states_stay_behind_where_only_weights_are_wanted(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    model = stateful()
    model.predict(x, verbose=0)
    model.save_weights(tmp_path / "m.weights.h5")
    model.save(tmp_path / "m.keras")
    for name in ("m.weights.h5", "m.keras"):
        fresh, free = stateful(), stateful(None, stateful=False)
        for other in (fresh, free):
            other.load_weights(tmp_path / name)
        np.testing.assert_allclose(fresh.predict(x, verbose=0), free.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_keras_opens_a_file_with_states(ending, tmp_path):
    model = stateful()
    x = np.ones((2, 5, 3), "float32")
    model.save(tmp_path / f"m{ending}")
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(
        keras.saving.load_model(tmp_path / f"m{ending}").predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("ending", [".h5", ".hdf5"])
def test_weights_in_the_layout_of_keras_2(ending, tmp_path):
    def made(library):
        x = library.Input((3,))
        inner = library.Model(
            x, library.layers.BatchNormalization(name="norm")(library.layers.Dense(4, name="d")(x)), name="inner"
        )
        return library.Model(x, library.layers.Dense(2, name="out")(inner(x)))

    model, again, peer = made(plait), made(plait), made(keras)
    model.save_weights(tmp_path / f"w{ending}")
    again.load_weights(tmp_path / f"w{ending}")
    peer.load_weights(tmp_path / f"w{ending}")
    for one, other, third in zip(model.get_weights(), again.get_weights(), peer.get_weights(), strict=True):
        np.testing.assert_array_equal(other, one)
        np.testing.assert_array_equal(third, one)
    with pytest.raises(plait.errors.ArgumentError, match="`objects_to_skip` is for"):
        model.save_weights(tmp_path / f"w{ending}", objects_to_skip=[model.layers[-1]])


def test_checkpoints_of_keras_2s_names(tmp_path):
    x = np.ones((4, 3), "float32")
    model = plait.Sequential([plait.Input((3,)), plait.layers.Dense(1)])
    model.compile("sgd", "mse")
    saves = [
        plait.callbacks.ModelCheckpoint(tmp_path / "whole.hdf5"),
        plait.callbacks.ModelCheckpoint(tmp_path / "weights-{epoch}.hdf5", save_weights_only=True),
    ]
    model.fit(x, x[:, :1], callbacks=saves, verbose=0)
    whole = plait.models.load_model(tmp_path / "whole.hdf5")
    whole.load_weights(tmp_path / "weights-1.hdf5")
    np.testing.assert_array_equal(whole.predict(x, verbose=0), model.predict(x, verbose=0))
