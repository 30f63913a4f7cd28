"""Metrics by themselves: state, laziness, jit, nesting, exactness, messages."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from plait import losses, metrics
from plait.core.infer import infer
from plait.core.pure import pure
from plait.core.tensor import KerasTensor
from plait.core.variable import Variable
from plait.errors import ArgumentError, NameUnknownError, ShapeError, StateError

RNG = np.random.default_rng(0)


def scores(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels 0 and 1, and outputs that know something of them."""
    labels = RNG.integers(0, 2, count)
    return labels, np.clip(RNG.normal(0.4 + 0.2 * labels, 0.2), 0, 1).astype("float32")


class Spread(metrics.Metric):
    """A metric as one writes it for Keras: variables made in three ways, and metrics inside."""

    def __init__(self, name="spread", **kwargs):
        super().__init__(name=name, **kwargs)
        self.means = {"low": metrics.Mean(name="low"), "high": [metrics.Mean(name="high")]}
        self.lowest = self.add_weight(name="lowest", initializer="zeros")
        self.add_variable((2,), "ones", name="kept")
        self.own = Variable(1.0, name="own")

    def update_state(self, values):
        self.lowest.assign(jnp.minimum(self.lowest.value, jnp.min(values)))
        self.means["low"].update_state(values)
        self.means["high"][0].update_state(values + 1)

    def result(self):
        return {"lowest": self.lowest.value, "high": self.means["high"][0].result()}


# --- state -----------------------------------------------------------------------------------------------------------


def test_variables_are_found_in_attributes():
    metric = Spread()
    names = [variable.path for variable in metric.variables]
    assert names == ["spread/lowest", "spread/kept", "own", "low/total", "low/count", "high/total", "high/count"]
    assert not any(variable.trainable for variable in metric.variables if variable.name != "own")
    assert {key: float(value) for key, value in metric(jnp.array([-3.0, 1.0])).items()} == {"lowest": -3, "high": 0}
    metric.reset_state()
    assert all(not np.any(variable.numpy()) for variable in metric.variables)


def test_stateless_calls_leave_the_variables_alone():
    metric = metrics.Mean()
    metric.update_state([1.0, 2.0])
    values = metric.stateless_update_state(metric.stateless_reset_state(), jnp.array([10.0]))
    assert [float(value) for value in values] == [10.0, 1.0]
    assert float(jax.jit(metric.stateless_result)(values)) == 10.0
    assert float(metric.result()) == 1.5
    with pytest.raises(ArgumentError, match="a value for each of its 2 variables"):
        metric.stateless_update_state(values[:1], jnp.array([10.0]))


def test_an_update_runs_in_a_loop_of_a_program():
    labels, outputs = (jnp.asarray(part).reshape(10, 20) for part in scores(200))
    for metric in (metrics.AUC(), metrics.Precision(), metrics.MeanIoU(2), metrics.BinaryAccuracy()):
        update = pure(metric.update_state, metric.variables)

        def step(i, values, update=update):
            return update(values, labels[i], jnp.round(outputs[i], 1))[1]

        looped = jax.jit(lambda values, step=step: jax.lax.fori_loop(0, 10, step, values))(
            [variable.value for variable in metric.variables]
        )
        for row, column in zip(labels, outputs, strict=True):
            metric.update_state(row, jnp.round(column, 1))
        for value, variable in zip(looped, metric.variables, strict=True):
            np.testing.assert_array_equal(value, variable.value)
        jax.jit(pure(metric.result, metric.variables))(looped)


@pytest.mark.parametrize("make", [metrics.F1Score, metrics.R2Score, lambda: metrics.AUC(multi_label=True)])
def test_variables_that_wait_for_shapes_can_be_made_by_an_abstract_trace(make):
    metric = make()
    assert not metric.built
    with pytest.raises(StateError, match="has seen no data yet"):
        metric.result()
    infer(metric.update_state, (KerasTensor((None, 3)), KerasTensor((None, 3))), {})
    assert metric.built
    assert {variable.shape for variable in metric.variables if variable.name != "num_samples"} <= {(3,), (200, 3)}
    assert all(not np.any(variable.numpy()) for variable in metric.variables)
    metric.update_state(np.eye(3), np.eye(3))
    np.testing.assert_allclose(np.mean(metric.result()), 1.0, rtol=1e-5)


def test_metrics_are_copied_and_pickled():
    metric = metrics.AUC()
    metric.update_state(*scores(50))
    for again in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert float(again.result()) == float(metric.result())
        again.reset_state()
        assert float(metric.result()) > 0.5


def test_a_forgotten_super_is_told():
    class Forgetful(metrics.Metric):
        def __init__(self):
            self.total = self.add_weight(name="total")

    with pytest.raises(StateError, match=r"doesn't call `super\(\).__init__\(\)`"):
        Forgetful()


def test_reduced_precision_of_a_layer_does_not_reach_the_counts():
    metric = metrics.Mean()
    for _ in range(3):
        metric.update_state(jnp.ones(1000, "bfloat16"))
    assert float(metric.count.value) == 3000
    assert not metric.total.autocast


# --- exactness -------------------------------------------------------------------------------------------------------


def exact_auc(labels: np.ndarray, outputs: np.ndarray) -> float:
    """The part of pairs of a 1 and a 0 that are in the right order."""
    above = outputs[labels == 1][:, None] - outputs[labels == 0][None, :]
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


def test_the_area_under_roc_is_the_part_of_pairs_in_order():
    labels, outputs = scores(2000)
    assert float(metrics.AUC(num_thresholds=2000)(labels, outputs)) == pytest.approx(
        exact_auc(labels, outputs), abs=1e-3
    )


@pytest.mark.parametrize("count", [3, 9, 40])
def test_counts_at_any_thresholds_are_those_of_comparing(count):
    labels, outputs = scores(300)
    outputs = np.round(outputs, 2)
    outputs[:3] = np.nan
    weights = RNG.uniform(0, 2, 300).astype("float32")
    thresholds = list(np.round(RNG.permutation(np.linspace(0, 1, 101))[:count], 2))
    metric = metrics.FalsePositives(thresholds=thresholds)
    expected = [np.sum(weights * (labels == 0) * (outputs > np.float32(t))) for t in thresholds]
    np.testing.assert_allclose(metric(labels, outputs, sample_weight=weights), expected, rtol=1e-5)


def test_top_k_counts_without_sorting():
    outputs = jnp.asarray(RNG.integers(0, 5, (200, 9)), "float32")
    labels = jnp.asarray(RNG.integers(0, 9, 200))
    largest = jnp.sort(outputs, axis=-1)[:, -3]
    expected = jnp.take_along_axis(outputs, labels[:, None], 1)[:, 0] >= largest
    found = metrics.sparse_top_k_categorical_accuracy(labels, outputs, k=3)
    np.testing.assert_array_equal(found, expected.astype("float32"))
    odd = metrics.sparse_top_k_categorical_accuracy(jnp.array([-1, 9, 0]), outputs[:3].at[2, 0].set(jnp.nan), k=20)
    assert odd.tolist() == [0, 0, 0]


def test_many_classes_fit_small_integers():
    outputs = jnp.zeros((2, 300)).at[0, 257].set(1).at[1, 200].set(1)
    assert metrics.sparse_categorical_accuracy(np.array([1, 200], "uint8"), outputs).tolist() == [0, 1]


def test_weights_of_a_sample_are_lined_up_with_the_first_axis():
    labels, outputs = scores(64)
    labels, outputs, weights = labels.reshape(4, 4, 4), outputs.reshape(4, 4, 4), np.array([0.0, 1.0, 2.0, 0.5])
    spread = np.broadcast_to(weights[:, None, None], labels.shape)
    for make in (metrics.AUC, metrics.Recall, metrics.TruePositives):
        found, expected = make()(labels, outputs, weights), make()(labels, outputs, spread)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_adjusted_score_falls_back_and_says_so():
    labels, outputs = RNG.normal(size=(4, 1)), RNG.normal(size=(4, 1))
    plain = metrics.R2Score()(labels, outputs)
    adjusted = metrics.R2Score(num_regressors=5)
    adjusted.update_state(labels, outputs)
    with pytest.warns(UserWarning, match="More independent predictors"):
        assert float(adjusted.result()) == float(plain)
    values = [variable.value for variable in adjusted.variables]
    np.testing.assert_allclose(jax.jit(adjusted.stateless_result)(values), plain, rtol=1e-6)


def test_no_data_is_no_error():
    for name in metrics.__all__:
        metric = getattr(metrics, name)
        if isinstance(metric, type) and issubclass(metric, metrics.Metric) and "At" not in name and "IoU" not in name:
            if name not in ("Metric", "MeanMetricWrapper", "F1Score", "FBetaScore", "R2Score"):
                assert float(metric().result()) == 0


# --- messages, names -------------------------------------------------------------------------------------------------


def test_wrong_arguments_are_told():
    wrong = [
        (NameUnknownError, "Did you mean 'PR'", lambda: metrics.AUC(curve="PRR")),
        (NameUnknownError, "Did you mean 'minoring'", lambda: metrics.AUC(summation_method="minorin")),
        (ArgumentError, "integer > 1", lambda: metrics.AUC(num_thresholds=1)),
        (ArgumentError, "only when `multi_label`", lambda: metrics.AUC(num_labels=2)),
        (ArgumentError, r"in \[0, 1\]", lambda: metrics.Precision(thresholds=[0.5, 1.5])),
        (ArgumentError, "Argument `recall` must be in the range", lambda: metrics.PrecisionAtRecall(1.5)),
        (ArgumentError, "integer > 0", lambda: metrics.RecallAtPrecision(0.5, num_thresholds=0)),
        (NameUnknownError, "Did you mean 'macro'", lambda: metrics.F1Score("makro")),
        (ArgumentError, "Python float", lambda: metrics.FBetaScore(beta=2)),
        (ArgumentError, "should verify 0 < threshold <= 1", lambda: metrics.F1Score(threshold=0.0)),
        (NameUnknownError, "Did you mean 'uniform_average'", lambda: metrics.R2Score("uniform")),
        (ArgumentError, ">= 0", lambda: metrics.R2Score(num_regressors=-1)),
        (ArgumentError, "must be from 0 to 1", lambda: metrics.IoU(2, [2])),
        (ShapeError, "2D inputs", lambda: metrics.F1Score()(np.ones(3), np.ones(3))),
        (ShapeError, "rank 2 when `multi_label=True`", lambda: metrics.AUC(multi_label=True)(np.ones(3), np.ones(3))),
        (ShapeError, "must have the same shape", lambda: metrics.Recall()(np.ones(3), np.ones((3, 2)))),
        (ShapeError, "When class_id is provided", lambda: metrics.Recall(class_id=1)(np.ones(3), np.ones(3))),
        (NameUnknownError, "Did you mean 'precision'", lambda: metrics.get("precison")),
        (ArgumentError, "A metric must be a name.*but got 3", lambda: metrics.get(3)),
    ]
    for error, message, cause in wrong:
        with pytest.raises(error, match=message):
            cause()
    with pytest.warns(UserWarning, match="the weights are floats"):
        metrics.MeanIoU(2)([0, 1], [1, 1], sample_weight=np.array([0.3, 0.4]))


def test_names_find_classes():
    assert metrics.get(None) is None
    assert isinstance(metrics.get("mse"), metrics.MeanSquaredError)
    assert isinstance(metrics.get("binary_io_u"), metrics.BinaryIoU)
    assert metrics.get(losses.huber) is losses.huber
    assert metrics.get({"class_name": "TopKCategoricalAccuracy", "config": {"k": 3}}).k == 3


def test_what_keras_forgets_is_kept():
    again = metrics.deserialize(metrics.serialize(metrics.CosineSimilarity(axis=0)))
    np.testing.assert_allclose(again(np.eye(2), np.eye(2) * 3), 1.0, rtol=1e-6)
    assert again.axis == 0
    wrapper = metrics.MeanMetricWrapper(metrics.binary_accuracy, threshold=0.9)
    again = metrics.deserialize(metrics.serialize(wrapper))
    assert float(again([1.0, 1.0], [0.95, 0.8])) == 0.5


def test_the_right_accuracy_for_shapes():
    kinds = {
        ((None,), (None, 1)): metrics.BinaryAccuracy,
        ((None, 1), (None, 3)): metrics.SparseCategoricalAccuracy,
        ((None, 7), (None, 7, 3)): metrics.SparseCategoricalAccuracy,
        ((None, 3), (None, 3)): metrics.CategoricalAccuracy,
    }
    assert {shapes: metrics.accuracy_for(*shapes) for shapes in kinds} == kinds
    assert metrics.crossentropy_for((None,), (None, 3)) is metrics.SparseCategoricalCrossentropy


def test_no_dtype_is_promoted_silently():
    outputs = jnp.asarray(RNG.uniform(0.1, 0.9, (6, 3)), "bfloat16")
    options = {"num_classes": 3, "target_class_ids": [1], "recall": 0.5, "precision": 0.5}
    options |= {"specificity": 0.5, "sensitivity": 0.5}
    with jax.numpy_dtype_promotion("strict"):
        for name in metrics.__all__:
            cls = getattr(metrics, name)
            if isinstance(cls, type) and name not in ("Metric", "MeanMetricWrapper", "Mean", "Sum"):
                taken = cls.__init__.__code__.co_varnames[: cls.__init__.__code__.co_argcount]
                metric = cls(**{key: value for key, value in options.items() if key in taken})
                labels = jnp.arange(6) % 3 if "Sparse" in name else jnp.ones((6, 3), "int32")
                metric.update_state(labels, jnp.round(outputs) if name == "Accuracy" else outputs)
                metric.result()
