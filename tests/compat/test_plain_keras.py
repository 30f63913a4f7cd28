"""What programs for Keras 3 do with text, masks and the metrics of `compile`."""

import jax
import keras as real_keras
import numpy as np
import pytest

import plait
from plait import layers, ops
from plait.errors import ArgumentError

WORDS = np.array([["a", "b", "c"], ["d", "e", "f"]])

# What moves values about, on text: how plait is asked, and NumPy.
MOVES = {
    "expand_dims": (lambda x: ops.expand_dims(x, -1), lambda x: x[..., None]),
    "reshape": (lambda x: ops.reshape(x, (None, 3, 1)), lambda x: x.reshape(-1, 3, 1)),
    "squeeze": (lambda x: ops.squeeze(ops.expand_dims(x, 1)), lambda x: x),
    "transpose": (lambda x: ops.transpose(x), lambda x: x.T),
    "concatenate": (lambda x: ops.concatenate([x, x], axis=1), lambda x: np.concatenate([x, x], 1)),
    "stack": (lambda x: ops.stack([x, x], axis=2), lambda x: np.stack([x, x], 2)),
    "split": (lambda x: ops.split(x, 3, axis=1)[1], lambda x: x[:, 1:2]),
    "take": (lambda x: ops.take(x, [2, 0], axis=1), lambda x: x[:, [2, 0]]),
    "flip": (lambda x: ops.flip(x, axis=1), lambda x: x[:, ::-1]),
    "roll": (lambda x: ops.roll(x, 1, axis=1), lambda x: np.roll(x, 1, 1)),
    "tile": (lambda x: ops.tile(x, (1, 2)), lambda x: np.tile(x, (1, 2))),
    "repeat": (lambda x: ops.repeat(x, 2, axis=1), lambda x: np.repeat(x, 2, 1)),
    "ravel": (lambda x: ops.ravel(x), lambda x: x.ravel()),
    "moveaxis": (lambda x: ops.moveaxis(x, 0, 1), lambda x: x.T),
    "swapaxes": (lambda x: ops.swapaxes(x, 0, 1), lambda x: x.T),
    "broadcast_to": (lambda x: ops.broadcast_to(x[:1], (4, 3)), lambda x: np.broadcast_to(x[:1], (4, 3))),
    "get_item": (lambda x: ops.get_item(x, (slice(None), 1)), lambda x: x[:, 1]),
    "equal": (lambda x: ops.equal(x, "b"), lambda x: x == "b"),
    "not_equal": (lambda x: ops.not_equal(x, "b"), lambda x: x != "b"),
}


@pytest.mark.parametrize("name", MOVES)
def test_ops_on_text_are_numpys(name):
    ours, theirs = MOVES[name]
    np.testing.assert_array_equal(np.asarray(ours(WORDS)), theirs(WORDS))
    np.testing.assert_array_equal(np.asarray(ours(WORDS.astype(object))), theirs(WORDS))


@pytest.mark.parametrize("name", MOVES)
def test_ops_on_symbolic_text_know_their_shapes(name):
    ours, theirs = MOVES[name]
    found, expected = ours(plait.Input((3,), batch_size=2, dtype="string")), theirs(WORDS)
    assert found.shape == expected.shape
    assert found.dtype == ("bool" if expected.dtype == bool else "string")


@pytest.mark.parametrize("name", [name for name, (_, move) in MOVES.items() if move(WORDS).dtype != bool])
def test_text_is_moved_about_inside_of_models(name):
    inputs = plait.Input((3,), batch_size=2, dtype="string")
    ids = layers.StringLookup(vocabulary=list("abcdef"))(MOVES[name][0](inputs))
    expected = np.vectorize("-abcdef".index)(MOVES[name][1](WORDS))
    np.testing.assert_array_equal(plait.Model(inputs, ids).predict(WORDS, batch_size=2, verbose=0), expected)


def test_what_computes_refuses_text_by_name():
    with pytest.raises(TypeError, match=r"add.*string\[None, 3\]"):
        ops.add(plait.Input((3,), dtype="string"), 1)


@pytest.mark.parametrize("library", [real_keras, plait], ids=["keras", "plait"])
def test_metrics_of_compile_are_listed_as_one(library):
    inputs = library.Input((4,))
    outputs = [library.layers.Dense(1, name=name)(inputs) for name in "ab"]
    model = library.Model(inputs, outputs)
    model.compile("sgd", "mse", metrics=[["mae"], ["mse"]])
    assert [metric.name for metric in model.metrics] == ["loss", "compile_metrics"]
    model.fit(np.ones((4, 4)), [np.ones((4, 1))] * 2, verbose=0)
    assert [metric.name for metric in model.metrics] == ["loss", "compile_metrics", "a_loss", "b_loss"]
    whole = model.metrics[1]
    assert list(whole.result()) == ["a_mae", "b_mse"]
    assert len(whole.metrics) == 2 and len(whole.variables) == 4
    whole.reset_state()
    assert [float(value) for value in whole.result().values()] == [0.0, 0.0]


def guides_model(library):
    """Keras's own guide to a `train_step` in JAX: each metric is updated without state, the last result is the logs."""

    class Guide(library.Model):
        def train_step(self, state, data):
            trainable, rest, optimizer, measured = state
            x, y = data

            def compute(trainable, rest):
                y_pred, rest = self.stateless_call(trainable, rest, x, training=True)
                return self.compute_loss(x, y, y_pred), (y_pred, rest)

            (loss, (y_pred, rest)), gradients = jax.value_and_grad(compute, has_aux=True)(trainable, rest)
            trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
            new, logs = [], {}
            for metric in self.metrics:
                own = measured[len(new) : len(new) + len(metric.variables)]
                seen = (loss,) if metric.name == "loss" else (y, y_pred)
                own = metric.stateless_update_state(own, *seen)
                logs = metric.stateless_result(own)
                new += own
            return logs, (trainable, rest, optimizer, new)

    inputs = library.Input((4,))
    return Guide(inputs, library.layers.Dense(1, kernel_initializer="ones")(inputs))


def test_the_guides_loop_tells_what_keras_tells():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 4)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")
    told = []
    for library in (real_keras, plait):
        model = guides_model(library)
        model.compile("sgd", "mse", metrics=["mae", "mape"])
        told.append(model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history)
    assert told[0].keys() == told[1].keys() == {"mae", "mape"}
    for name, values in told[0].items():
        np.testing.assert_allclose(told[1][name], values, rtol=1e-5)


def test_logs_that_are_no_dict_are_refused():
    class Bare(plait.Model):
        def train_step(self, state, data):
            return state[0][0].sum(), state

    inputs = plait.Input((4,))
    model = Bare(inputs, layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match="logs must be a dict"):
        model.fit(np.ones((4, 4)), np.ones((4, 1)), verbose=0)


def test_arrays_show_their_masks_and_numbers_while_the_hook_is_in():
    before = set(dir(type(ops.ones(()))))
    plait.compat.install()
    try:
        embedded = layers.Embedding(4, 2, mask_zero=True)(np.array([[3, 0]]))
        assert embedded._keras_mask.tolist() == [[True, False]]
        assert layers.Dense(1)(embedded)._keras_mask.tolist() == [[True, False]]
        assert ops.ones(3)._keras_mask is None
        embedded._keras_mask = ops.ones((1, 2), "bool")
        pooled = layers.GlobalAveragePooling1D()(embedded)
        np.testing.assert_allclose(pooled.numpy(), embedded.numpy().mean(1), rtol=1e-6)
        assert type(ops.sum(embedded).numpy()) is np.float32
        assert plait.Input((2,)).get_shape().as_list() == [None, 2]
        with pytest.raises(jax.errors.TracerArrayConversionError):
            jax.jit(lambda x: x.numpy())(embedded)
    finally:
        plait.compat.uninstall()
    assert set(dir(type(ops.ones(())))) == before


def test_numpy_leaves_sums_with_variables_to_jax():
    found = np.ones(2, "float32") + plait.Variable([1.0, 2.0])
    assert isinstance(found, jax.Array) and found.tolist() == [2.0, 3.0]
