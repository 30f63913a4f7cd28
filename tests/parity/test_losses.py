"""Losses against Keras: values, gradients, reductions, weights, masks, shapes, configs, names."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras.src.backend import get_keras_mask, set_keras_mask

import oracle
import plait.losses
from plait.core.mask import set_mask

B, T, C = 6, 4, 5


class Row(NamedTuple):
    """A loss: its class, its arguments, and what its labels and outputs look like."""

    name: str
    options: dict = {}
    labels: str = "numbers"
    outputs: str = "numbers"


ROWS = [
    Row("MeanSquaredError"),
    Row("MeanAbsoluteError"),
    Row("MeanAbsolutePercentageError"),
    Row("MeanSquaredLogarithmicError"),
    Row("MeanSquaredLogarithmicError", {}, "positive", "positive"),
    Row("CosineSimilarity"),
    Row("CosineSimilarity", {"axis": 1}),
    Row("Huber"),
    Row("Huber", {"delta": 0.3}),
    Row("LogCosh"),
    Row("Poisson", {}, "positive", "positive"),
    Row("KLDivergence", {}, "distribution", "distribution"),
    Row("Hinge", {}, "binary"),
    Row("Hinge", {}, "signs"),
    Row("SquaredHinge", {}, "binary"),
    Row("SquaredHinge", {}, "numbers"),
    Row("CategoricalHinge", {}, "one-hot"),
    Row("BinaryCrossentropy", {}, "binary", "probabilities"),
    Row("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, "binary", "logits"),
    Row("BinaryCrossentropy", {"axis": 0}, "binary", "probabilities"),
    Row("BinaryFocalCrossentropy", {}, "binary", "probabilities"),
    Row("BinaryFocalCrossentropy", {"apply_class_balancing": True, "from_logits": True}, "binary", "logits"),
    Row("BinaryFocalCrossentropy", {"gamma": 3.0, "label_smoothing": 0.1}, "binary", "probabilities"),
    Row("CategoricalCrossentropy", {}, "one-hot", "distribution"),
    Row("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one-hot", "probabilities"),
    Row("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "one-hot", "logits"),
    Row("CategoricalCrossentropy", {"axis": 0}, "one-hot", "probabilities"),
    Row("CategoricalFocalCrossentropy", {}, "one-hot", "distribution"),
    Row("CategoricalFocalCrossentropy", {"gamma": 1.5, "from_logits": True}, "one-hot", "logits"),
    Row("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4, 0.5]}, "one-hot", "distribution"),
    Row("SparseCategoricalCrossentropy", {}, "classes", "distribution"),
    Row("SparseCategoricalCrossentropy", {"from_logits": True}, "classes", "logits"),
    Row("SparseCategoricalCrossentropy", {"ignore_class": 1}, "classes", "distribution"),
    Row("SparseCategoricalCrossentropy", {"ignore_class": -1, "from_logits": True}, "classes or -1", "logits"),
    Row("CategoricalGeneralizedCrossEntropy", {}, "classes", "distribution"),
    Row("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, "classes", "distribution"),
    Row("Dice", {}, "binary", "probabilities"),
    Row("Dice", {"axis": -1}, "binary", "probabilities"),
    Row("Tversky", {"alpha": 0.2, "beta": 0.7}, "binary", "probabilities"),
    Row("Tversky", {"axis": [1]}, "binary", "probabilities"),
    Row("Circle", {}, "classes of two", "directions"),
    Row("Circle", {"gamma": 5.0, "margin": 0.1, "remove_diagonal": False}, "classes of two", "directions"),
    Row("CTC", {}, "sequence", "logits"),
]
ONLY = {"Circle": [(B, C)], "CTC": [(B, T, C)]}  # others take outputs of every shape in SHAPES
SHAPES = [(B, C), (B, T, C)]
REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None]


def numbers(kind: str, shape: tuple, seed: int) -> np.ndarray:
    """Labels or outputs of a kind, for outputs of a shape."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape).astype("float32")
    if kind == "positive":
        return np.exp(values)
    if kind == "logits":
        return 5 * values
    if kind == "probabilities":
        return np.clip(rng.uniform(-0.1, 1.1, shape), 0, 1).astype("float32")  # some are exactly 0 or 1
    if kind == "distribution":
        return np.exp(values) / np.exp(values).sum(-1, keepdims=True)
    if kind == "directions":
        return values / np.linalg.norm(values, axis=-1, keepdims=True)
    if kind == "binary":
        return rng.integers(0, 2, shape).astype("int32")
    if kind == "signs":
        return np.sign(values)
    if kind == "one-hot":
        return np.eye(shape[-1], dtype="float32")[rng.integers(0, shape[-1], shape[:-1])]
    if kind == "classes":
        return rng.integers(0, shape[-1], shape[:-1]).astype("int32")
    if kind == "classes or -1":
        return rng.integers(-1, shape[-1], shape[:-1]).astype("int32")
    if kind == "classes of two":
        return rng.integers(0, 2, shape[:-1]).astype("int32")
    if kind == "sequence":
        return np.array([[1, 2, 0], [3, 3, 0], [1, 0, 0], [4, 2, 1], [2, 2, 0], [0, 0, 0]], "int32")
    return values


def both(row: Row, **options: Any) -> tuple[Any, Any]:
    """The loss of plait and that of Keras."""
    options = {**row.options, **options}
    return getattr(plait.losses, row.name)(**options), getattr(keras.losses, row.name)(**options)


def agree(ours: Any, theirs: Any, atol: float = 1e-5, rtol: float = 1e-5) -> None:
    """Both are equal up to rounding, and have the same shape and dtype."""
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(np.asarray(ours, "float32"), np.asarray(theirs, "float32"), atol=atol, rtol=rtol)


def answer(theirs: Any, *args: Any, **options: Any) -> np.ndarray:
    """What Keras's loss, or function, makes of labels and outputs."""
    masks = [get_keras_mask(arg) for arg in args]
    told = theirs.get_config() if hasattr(theirs, "get_config") else theirs.__name__
    return oracle.answer(lambda: theirs(*args, **options), told, args, masks, options)


def title(row: Row) -> str:
    """A row's name in reports."""
    return " ".join([row.name, row.labels, *(f"{key}={value}" for key, value in row.options.items())])


@pytest.mark.parametrize("row", ROWS, ids=title)
def test_values_and_gradients(row):
    for shape in ONLY.get(row.name, SHAPES):
        if row.name == "CategoricalCrossentropy" and row.options.get("axis") == 0:
            shape = (C, C)  # Keras divides the smoothing by the last axis: take a square
        y_true, y_pred = numbers(row.labels, shape, 1), jnp.asarray(numbers(row.outputs, shape, 2))
        weights = np.random.default_rng(5).uniform(0, 2, both(row, reduction=None)[0](y_true, y_pred).shape)

        def results(loss: Any, y_true: Any = y_true, y_pred: Any = y_pred, weights: Any = weights) -> Any:
            weights = weights.astype("float32")
            plain = jax.value_and_grad(lambda y: loss(y_true, y))(y_pred)
            weighted = jax.value_and_grad(lambda y: loss(y_true, y, weights))(y_pred)
            return plain, weighted, loss(y_true, y_pred, weights[..., None] * 0)

        mine, keras_own = both(row)
        ours, theirs = (
            jax.tree.leaves(jax.jit(lambda results=results, loss=mine: results(loss))()),
            oracle.answer(
                lambda results=results, loss=keras_own: jax.tree.leaves(jax.jit(lambda: results(loss))()),
                *(row, y_true, y_pred, weights),
            ),
        )
        for one, other in zip(ours, theirs, strict=True):
            agree(one, other)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_reductions(reduction):
    for row, shape in [(Row("MeanSquaredError"), (B, C)), (Row("MeanAbsoluteError"), (B, T, C)), (Row("Dice"), (B, C))]:
        y_true, y_pred = numbers(row.labels, shape, 3), numbers(row.outputs, shape, 4)
        ours, theirs = both(row, reduction=reduction)
        agree(ours(y_true, y_pred), answer(theirs, y_true, y_pred))
        size = np.asarray(both(row, reduction=None)[0](y_true, y_pred)).shape
        weights = np.random.default_rng(5).uniform(0, 2, size).astype("float32")
        for each in (weights, weights[..., None], weights * 0, 2, weights.astype("int32"), weights.reshape(-1)[:1]):
            agree(ours(y_true, y_pred, each), answer(theirs, y_true, y_pred, each))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("row", [Row("MeanSquaredError"), *(r for r in ROWS if "ignore_class" in r.options)], ids=title)
def test_masks(row, reduction):
    y_true, y_pred = numbers(row.labels, (B, T, C), 6), numbers(row.outputs, (B, T, C), 7)
    weights = np.random.default_rng(8).uniform(0, 2, (B, T)).astype("float32")
    half = np.random.default_rng(9).random((B, T)) < 0.5
    for mask in (half, half & False, half | True):
        for weight in (None, weights):
            ours, theirs = both(row, reduction=reduction)
            mine, keras_own = jnp.array(y_pred), jnp.array(y_pred)
            set_mask(mine, jnp.asarray(mask))
            set_keras_mask(keras_own, jnp.asarray(mask))
            agree(ours(y_true, mine, weight), answer(theirs, y_true, keras_own, weight))


def test_ranks_that_differ_by_one():
    for true_shape, pred_shape in [
        ((B,), (B, 1)),
        ((B, 1), (B,)),
        ((B,), (B,)),
        ((B, T), (B, T, 1)),
        ((B, T, 1), (B, T)),
    ]:
        y_true, y_pred = numbers("binary", true_shape, 1), numbers("probabilities", pred_shape, 2)
        for row in (Row("MeanSquaredError"), Row("BinaryCrossentropy"), Row("Hinge"), Row("Poisson")):
            ours, theirs = both(row)
            agree(ours(y_true, y_pred), answer(theirs, y_true, y_pred))
    y_true, y_pred = numbers("classes", (B, C), 1), numbers("distribution", (B, C), 2)
    for labels in (y_true, y_true[:, None], y_true.astype("float32")):
        ours, theirs = both(Row("SparseCategoricalCrossentropy"))
        agree(ours(labels, y_pred), answer(theirs, labels, y_pred))


@pytest.mark.parametrize("row", [row for row in ROWS if row.name != "CategoricalGeneralizedCrossEntropy"], ids=title)
def test_functions(row):
    name = {"KLDivergence": "kl_divergence", "CTC": "ctc"}.get(row.name) or keras.src.utils.naming.to_snake_case(
        row.name
    )
    shape = ONLY.get(row.name, SHAPES)[0]
    y_true, y_pred = jnp.asarray(numbers(row.labels, shape, 1)), jnp.asarray(numbers(row.outputs, shape, 2))
    ours, theirs = getattr(plait.losses, name), getattr(keras.losses, name)
    agree(ours(y_true, y_pred, **row.options), answer(theirs, y_true, y_pred, **row.options))


def test_circle_with_references():
    y_true, y_pred = numbers("classes of two", (B, C), 1), jnp.asarray(numbers("directions", (B, C), 2))
    labels, embeddings = numbers("classes of two", (9, C), 3), jnp.asarray(numbers("directions", (9, C), 4))
    agree(
        plait.losses.circle(y_true, y_pred, labels, embeddings), keras.losses.circle(y_true, y_pred, labels, embeddings)
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_dtypes(dtype):
    y_true, y_pred = numbers("binary", (B, C), 1), jnp.asarray(numbers("probabilities", (B, C), 2), "bfloat16")
    for row in (Row("MeanSquaredError"), Row("Huber"), Row("BinaryCrossentropy", {"from_logits": True})):
        ours, theirs = both(row, dtype=dtype)
        assert ours.dtype == theirs.dtype
        agree(ours(y_true, y_pred), answer(theirs, y_true, y_pred), atol=1e-2, rtol=1e-2)


def test_plain_lists_and_structures():
    ours, theirs = both(Row("BinaryCrossentropy"))
    agree(ours([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), theirs([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]))

    def distance(y_true: Any, y_pred: Any) -> Any:
        return jnp.mean(abs(y_true["a"] - y_pred["a"]), -1) + jnp.mean(abs(y_true["b"][0] - y_pred["b"][0]), -1)

    y_true = {"a": numbers("numbers", (B, C), 1), "b": [numbers("numbers", (B,), 2)]}
    y_pred = {"a": numbers("numbers", (B, C), 3), "b": [numbers("numbers", (B, 1), 4)]}
    wrapper = keras.src.losses.losses.LossFunctionWrapper
    agree(plait.losses.LossFunctionWrapper(distance)(y_true, y_pred), wrapper(distance)(y_true, y_pred))


@pytest.mark.parametrize("row", ROWS, ids=title)
def test_configs(row):
    ours, theirs = both(row)
    written = theirs.get_config()
    assert {key: value for key, value in ours.get_config().items() if key in written} == written
    assert set(ours.get_config()) - set(written) <= {"delta", "axis"}
    assert type(ours).from_config(written).get_config() | ours.get_config() == ours.get_config()
    assert type(theirs).from_config(ours.get_config()).get_config() == written
    assert plait.losses.serialize(ours) | {"config": written} == keras.losses.serialize(theirs) | {"config": written}
    again = plait.losses.deserialize(plait.losses.serialize(ours))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    default = getattr(plait.losses, row.name)()
    assert default.get_config() == getattr(keras.losses, row.name)().get_config()


def test_every_name_of_keras():
    known = keras.src.losses.ALL_OBJECTS_DICT
    for name, thing in known.items():
        if name == "LossFunctionWrapper":  # needs a function
            continue
        found = plait.losses.get(name)
        assert (
            found.__name__ if callable(thing) and not isinstance(thing, type) else type(found).__name__
        ) == thing.__name__
    public = {name for name in dir(keras.losses) if not name.startswith("_")}
    assert public <= set(plait.losses.__all__)
