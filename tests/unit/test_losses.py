"""Losses by themselves: what they promise besides Keras's numbers."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from plait import losses
from plait.common.registry import register_keras_serializable
from plait.common.serialization import deserialize, serialize
from plait.core.graph import Graph
from plait.core.mask import get_mask, set_mask
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, NameUnknownError, ShapeError

B, T, C = 4, 3, 5


def numbers(*shape: int) -> jax.Array:
    """The same numbers each time, between 0 and 1."""
    return jnp.asarray(np.random.default_rng(len(shape)).uniform(0.05, 0.95, shape), "float32")


# --- reducing --------------------------------------------------------------------------------------------------------


def test_an_unknown_reduction_is_told_the_nearest_one():
    with pytest.raises(NameUnknownError, match="Did you mean 'mean_with_sample_weight'"):
        losses.MeanSquaredError(reduction="mean_with_sample_weights")


def test_weights_of_a_sample_are_lined_up_with_the_first_axis():
    values, weights = numbers(B, B, C), numbers(B)  # as long as wide: broadcasting would take the other axis
    per_step = losses.MeanAbsoluteError(reduction="none")(values * 0, values)
    found = losses.MeanAbsoluteError()(values * 0, values, weights)
    np.testing.assert_allclose(found, np.mean(np.asarray(per_step) * np.asarray(weights)[:, None]), rtol=1e-6)
    found = losses.MeanAbsoluteError(reduction="mean_with_sample_weight")(values * 0, values, weights)
    np.testing.assert_allclose(found, np.average(per_step.mean(1), weights=weights), rtol=1e-6)


def test_a_mask_and_weights_of_a_sample_go_together():
    y_pred, mask, weights = numbers(B, T, C), jnp.arange(B * T).reshape(B, T) % 3 > 0, numbers(B)
    set_mask(y_pred, mask)
    found = losses.MeanSquaredError()(y_pred * 0, y_pred, weights)
    expected = np.sum(np.mean(np.square(y_pred), -1) * np.asarray(weights)[:, None] * mask) / np.sum(mask)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match=r"must have the shape of the values that they weigh, float32\[4\]"):
        losses.MeanSquaredError()(numbers(B, C), numbers(B, C), numbers(3))


def test_the_loss_of_nothing_is_zero():
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
        assert float(losses.MeanSquaredError(reduction)(jnp.zeros((0, C)), jnp.zeros((0, C)))) == 0
    y_pred = numbers(B, T, C)
    set_mask(y_pred, jnp.zeros((B, T), bool))
    assert float(losses.MeanSquaredError()(y_pred * 0, y_pred)) == 0


def test_ignored_classes_are_masked_and_cannot_make_a_nan():
    y_true, y_pred = jnp.array([1, -1, 0]), numbers(3, 2).at[1].set(jnp.nan)
    per_sample = losses.sparse_categorical_crossentropy(y_true, y_pred, ignore_class=-1)
    assert get_mask(per_sample).tolist() == [True, False, True]
    assert per_sample[1] == 0
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    value, gradient = jax.value_and_grad(lambda y: loss(y_true, y))(y_pred)
    np.testing.assert_allclose(value, (per_sample[0] + per_sample[2]) / 2, rtol=1e-6)
    assert bool(jnp.all(jnp.isfinite(gradient)))
    np.testing.assert_allclose(jax.jit(loss)(y_true, y_pred), value, rtol=1e-6)


# --- numerics --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("from_logits", [True, False])
def test_crossentropies_stay_finite_at_the_ends(from_logits):
    ends = jnp.array([[0.0, 1.0], [1.0, 0.0]]) if not from_logits else jnp.array([[-1e4, 1e4], [1e4, -1e4]])
    labels = jnp.array([[1.0, 0.0], [1.0, 0.0]])
    options = {"from_logits": from_logits}
    for loss in (losses.BinaryCrossentropy(**options), losses.CategoricalCrossentropy(**options)):
        value, gradient = jax.value_and_grad(lambda y, f=loss: f(labels, y))(ends)
        assert bool(jnp.isfinite(value)) and bool(jnp.all(jnp.isfinite(gradient)))
    value, gradient = jax.value_and_grad(
        lambda y: losses.SparseCategoricalCrossentropy(**options)(jnp.array([0, 0]), y)
    )(ends)
    assert bool(jnp.isfinite(value)) and bool(jnp.all(jnp.isfinite(gradient)))


def test_logits_that_are_switched_off_do_no_harm():
    logits = jnp.array([[0.0, 0.0, -jnp.inf]])
    value, gradient = jax.value_and_grad(
        lambda y: losses.SparseCategoricalCrossentropy(from_logits=True)(jnp.array([0]), y)
    )(logits)
    np.testing.assert_allclose(value, np.log(2), rtol=1e-6)
    np.testing.assert_allclose(gradient, [[-0.5, 0.5, 0.0]], atol=1e-6)


def test_small_binary_losses_of_logits_are_exact():
    value = losses.binary_crossentropy(jnp.ones((1, 1)), jnp.full((1, 1), 20.0), from_logits=True)
    np.testing.assert_allclose(value, np.log1p(np.exp(-20.0)), rtol=1e-5)


def test_the_cosine_of_zeros_has_a_gradient():
    gradient = jax.grad(lambda y: jnp.sum(losses.cosine_similarity(numbers(B, C), y)))(jnp.zeros((B, C)))
    assert bool(jnp.all(jnp.isfinite(gradient)))


def test_circle_has_a_gradient_where_a_sample_has_no_pair():
    embeddings = numbers(B, C) / jnp.linalg.norm(numbers(B, C), axis=-1, keepdims=True)
    for labels in ([0, 0, 1, 2], [0, 1, 2, 3], [0, 0, 0, 0]):
        value, gradient = jax.value_and_grad(lambda y, x=labels: losses.Circle()(jnp.array(x), y))(embeddings)
        assert bool(jnp.isfinite(value)) and bool(jnp.all(jnp.isfinite(gradient)))


def test_log_cosh_does_not_overflow():
    assert losses.log_cosh([[0.0], [0.0]], [[1000.0], [-1000.0]]).tolist() == pytest.approx([1000 - np.log(2)] * 2)


def test_ctc_sums_over_all_alignments():
    probabilities = np.asarray(jax.nn.softmax(numbers(1, 3, 3)))[0]
    total = 0.0
    for path in np.ndindex(3, 3, 3):  # every path that reads 1 2 once blanks and repetitions are gone
        read = [c for i, c in enumerate(path) if c and (i == 0 or path[i - 1] != c)]
        total += np.prod([probabilities[t, c] for t, c in enumerate(path)]) if read == [1, 2] else 0.0
    np.testing.assert_allclose(losses.ctc(jnp.array([[1, 2]]), numbers(1, 3, 3)), [-np.log(total)], rtol=1e-5)


def test_classes_on_another_axis():
    logits, labels = numbers(B, C, T), jnp.arange(B * T).reshape(B, T) % C
    last = losses.sparse_categorical_crossentropy(labels, jnp.moveaxis(logits, 1, -1), from_logits=True)
    np.testing.assert_allclose(
        losses.sparse_categorical_crossentropy(labels, logits, from_logits=True, axis=1), last, rtol=1e-6
    )
    one_hot = jnp.moveaxis(jax.nn.one_hot(labels, C), -1, 1)
    np.testing.assert_allclose(losses.categorical_crossentropy(one_hot, logits, True, axis=1), last, rtol=1e-6)


def test_labels_of_a_wrong_shape_are_refused():
    with pytest.raises(ShapeError, match="One-hot labels are for categorical_crossentropy"):
        losses.SparseCategoricalCrossentropy()(numbers(B, C), numbers(B, C))
    with pytest.raises(ShapeError, match=r"float32\[4, 3\] and float32\[4, 5\]"):
        losses.CategoricalCrossentropy()(numbers(B, 3), numbers(B, C))
    with pytest.raises(ShapeError, match="must have the shape"):
        losses.ctc(numbers(B), numbers(B, T, C))
    with pytest.warns(SyntaxWarning, match="binary_crossentropy"):
        losses.CategoricalCrossentropy()(numbers(B, 1), numbers(B, 1))
    with pytest.raises(ArgumentError, match="axis"):
        losses.categorical_crossentropy(numbers(B, C), numbers(B, C), axis=True)
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        losses.CategoricalGeneralizedCrossEntropy(q=1.5)


# --- symbolic tensors ------------------------------------------------------------------------------------------------

TWO_TENSORS = [name for name in losses.__all__ if name.islower() and name not in ("get", "serialize", "deserialize")]


@pytest.mark.parametrize("name", [name for name in TWO_TENSORS if not name.endswith("_for")])
def test_functions_are_recorded_on_symbolic_tensors(name):
    function, options = getattr(losses, name), {}
    true_shape, pred_shape = (None, C), (None, C)
    y_true, y_pred = jnp.ones((B, C)), numbers(B, C)
    if "sparse" in name or "generalized" in name or name in ("circle", "ctc"):
        true_shape, y_true = (None,), jnp.arange(B)
    if name == "ctc":
        true_shape, pred_shape, y_true, y_pred = (None, 2), (None, T, C), jnp.ones((B, 2), "int32"), numbers(B, T, C)
    if "generalized" in name:
        options = {"q": 0.5}
    inputs = [KerasTensor(true_shape, y_true.dtype.name, name="y_true"), KerasTensor(pred_shape, name="y_pred")]
    output = function(*inputs, **options)
    expected = function(y_true, y_pred, **options)
    assert output.shape == (() if expected.ndim == 0 else (None,))
    values = Graph(inputs, [output]).run([y_true, y_pred])
    np.testing.assert_allclose(values[0], expected, rtol=1e-6)
    again = deserialize(serialize(output.node.operation))
    np.testing.assert_allclose(again(y_true, y_pred), expected, rtol=1e-6)


def test_objects_are_recorded_on_symbolic_tensors():
    inputs = [KerasTensor((None, C)), KerasTensor((None, C)), KerasTensor((None,))]
    output = losses.Huber(delta=0.1)(*inputs)
    assert output.shape == ()
    values = [numbers(B, C), 1 - numbers(B, C), numbers(B)]
    expected = losses.Huber(delta=0.1)(*values)
    np.testing.assert_allclose(Graph(inputs, [output]).run(values)[0], expected, rtol=1e-6)
    again = deserialize(serialize(output.node.operation))
    np.testing.assert_allclose(again(*values), expected, rtol=1e-6)


# --- names and configs -----------------------------------------------------------------------------------------------


def test_names_find_functions_and_classes():
    assert losses.get("MSE") is losses.get("mse") is losses.mean_squared_error
    assert losses.get(None) is None
    assert isinstance(losses.get("Huber"), losses.Huber)
    assert isinstance(losses.get(losses.Huber), losses.Huber)
    assert losses.get({"class_name": "Huber", "config": {"delta": 3.0}}).delta == 3.0
    with pytest.raises(
        NameUnknownError, match=r"No loss is called 'mean_square_error'.*Did you mean 'mean_squared_error'"
    ):
        losses.get("mean_square_error")
    with pytest.raises(ArgumentError, match=r"A loss must be a name.*but got 3"):
        losses.get(3)


def test_what_keras_forgets_is_kept():
    for loss in (losses.Huber(delta=2.0), losses.CosineSimilarity(axis=0), losses.MeanSquaredError(dtype="float64")):
        again = losses.deserialize(losses.serialize(loss))
        assert again.get_config() == loss.get_config()
        assert again.dtype == loss.dtype
    assert losses.MeanSquaredError.from_config({"reduction": "auto"}).reduction == "sum_over_batch_size"


def test_a_function_of_the_program_comes_back():
    @register_keras_serializable("mine")
    def distance(y_true, y_pred, power):
        return jnp.mean(abs(y_true - y_pred) ** power, -1)

    loss = losses.LossFunctionWrapper(distance, name="distance", power=3)
    again = losses.deserialize(losses.serialize(loss))
    assert again.fn is distance and again.options == {"power": 3} and again.name == "distance"


def test_a_loss_written_for_keras():
    class Weighted(losses.Loss):
        def __init__(self, factor=2.0, name="weighted", **kwargs):
            super().__init__(name=name, **kwargs)
            self.factor = factor

        def call(self, y_true, y_pred):
            return self.factor * jnp.mean(jnp.square(y_true - y_pred), axis=-1)

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    loss = Weighted(3.0, reduction="sum")
    np.testing.assert_allclose(loss(jnp.zeros((B, 2)), jnp.ones((B, 2))), 3.0 * B)
    again = Weighted.from_config(loss.get_config())
    assert (again.factor, again.reduction, again.name) == (3.0, "sum", "weighted")
    assert [losses.Loss().name, losses.Loss().name] == ["loss", "loss_1"]


def test_losses_are_copied_and_pickled():
    loss = losses.BinaryCrossentropy(from_logits=True)
    for again in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert again.get_config() == loss.get_config()
        assert float(again(numbers(B, C), numbers(B, C))) == float(loss(numbers(B, C), numbers(B, C)))


def test_the_right_crossentropy_for_shapes():
    kinds = {
        ((None,), (None, 1)): "binary_crossentropy",
        ((None, 1), (None, 1)): "binary_crossentropy",
        ((None, 1), (None, 3)): "sparse_categorical_crossentropy",
        ((None, 7), (None, 7, 3)): "sparse_categorical_crossentropy",
        ((None, 3), (None, 3)): "categorical_crossentropy",
    }
    assert {shapes: losses.crossentropy_for(*shapes).name for shapes in kinds} == kinds


def test_no_dtype_is_promoted_silently():
    with jax.numpy_dtype_promotion("strict"):
        for name in losses.__all__:
            loss = getattr(losses, name)
            if isinstance(loss, type) and name not in ("Loss", "LossFunctionWrapper", "CTC", "Circle"):
                sparse = "Sparse" in name or "Generalized" in name
                y_true = jnp.arange(B) if sparse else jnp.ones((B, C), "int32")
                assert loss()(y_true, numbers(B, C).astype("bfloat16")).dtype == "float32"


def test_what_keras_leaves_out_of_configs_or_refuses():
    assert losses.CosineSimilarity(axis=0).get_config()["axis"] == 0
    labels, scores = np.array([[0, 1]]), np.eye(2, dtype="float32")[None]
    by_axis = losses.SparseCategoricalCrossentropy(from_logits=True, axis=1)(labels, np.swapaxes(scores, 1, 2))
    np.testing.assert_allclose(
        by_axis, losses.SparseCategoricalCrossentropy(from_logits=True)(labels, scores), rtol=1e-6
    )
