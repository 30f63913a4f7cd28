"""Metrics against Keras: results after several batches, weights, masks, shapes, configs, names, variables."""

import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras.src.backend import set_keras_mask

import oracle
import plait.metrics
from plait.core.mask import set_mask

B, T, C = 8, 3, 4


class Row(NamedTuple):
    """A metric: its class, its arguments, what its labels and outputs look like, and for which shapes."""

    name: str
    options: dict = {}
    labels: str = "numbers"
    outputs: str = "numbers"
    shapes: tuple = ((B, T, C),)


FLAT = ((B, C),)
BINARY = ((B, 1), (B, C), (B,))
YES: dict[str, Any] = dict(labels="binary", outputs="probabilities", shapes=((B, 1),))
COLUMNS: dict[str, Any] = dict(labels="binary", outputs="probabilities", shapes=FLAT)
WEIGHTS = [0.1, 1.0, 2.0, 0.5]
AVERAGES = (None, "micro", "macro", "weighted")
ROWS = [
    Row("MeanSquaredError", shapes=((B, C), (B, T, C))),
    Row("RootMeanSquaredError"),
    Row("MeanAbsoluteError"),
    Row("MeanAbsolutePercentageError"),
    Row("MeanSquaredLogarithmicError", {}, "positive", "positive"),
    Row("CosineSimilarity"),
    Row("CosineSimilarity", {"axis": 1}),
    Row("LogCoshError"),
    Row("PearsonCorrelation"),
    Row("ConcordanceCorrelation", {"axis": 0}, shapes=FLAT),
    Row("R2Score", shapes=FLAT),
    Row("R2Score", {"class_aggregation": None}, shapes=FLAT),
    Row("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, shapes=FLAT),
    Row("R2Score", {"num_regressors": 3}, shapes=FLAT),
    Row("Poisson", {}, "positive", "positive"),
    Row("KLDivergence", {}, "distribution", "distribution"),
    Row("BinaryCrossentropy", {}, "binary", "probabilities"),
    Row("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, "binary"),
    Row("CategoricalCrossentropy", {}, "one-hot", "distribution"),
    Row("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "one-hot"),
    Row("SparseCategoricalCrossentropy", {}, "classes", "distribution"),
    Row("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, "classes"),
    Row("Hinge", {}, "binary"),
    Row("SquaredHinge", {}, "signs"),
    Row("CategoricalHinge", {}, "one-hot"),
    Row("Accuracy", {}, "digits", "digits"),
    Row("BinaryAccuracy", {}, "binary", "probabilities", BINARY),
    Row("BinaryAccuracy", {"threshold": 0.3}, "binary", "probabilities"),
    Row("CategoricalAccuracy", {}, "one-hot", "distribution"),
    Row("SparseCategoricalAccuracy", {}, "classes", "distribution"),
    Row("SparseCategoricalAccuracy", {}, "classes apart", "distribution"),
    Row("TopKCategoricalAccuracy", {"k": 2}, "one-hot", "distribution"),
    Row("SparseTopKCategoricalAccuracy", {"k": 2}, "classes", "ties"),
    Row("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "classes", "orders"),
    *(Row(f"{truth}{side}", {}, **YES) for truth in ("True", "False") for side in ("Positives", "Negatives")),
    Row("TruePositives", {"thresholds": [0.8, 0.1]}, **YES),
    Row("FalseNegatives", {"thresholds": [0.0, 0.5, 1.0]}, **YES),
    Row("TrueNegatives", {"thresholds": [0.9, 0.8, 0.75, 0.6, 0.55, 0.5, 0.2, 0.25, 0.1, 0.01]}, **YES),
    Row("Precision", {}, "binary", "probabilities", BINARY),
    Row("Precision", {"thresholds": [0.7, 0.2]}, **YES),
    Row("Precision", {"top_k": 2}, "binary", "distribution", FLAT),
    Row("Precision", {"top_k": 2, "class_id": 1, "thresholds": 0.1}, "binary", "distribution", FLAT),
    Row("Precision", {"class_id": 2}, "binary", "probabilities", FLAT),
    Row("Recall", {}, **YES),
    Row("Recall", {"thresholds": 0.2}, **YES),
    Row("Recall", {"top_k": 3}, "binary", "distribution"),
    Row("Recall", {"class_id": 0, "thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, "binary", "probabilities", FLAT),
    Row("SensitivityAtSpecificity", {"specificity": 0.4}, **YES),
    Row("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 7}, **YES),
    Row("PrecisionAtRecall", {"recall": 0.5, "class_id": 1}, "binary", "probabilities", FLAT),
    Row("RecallAtPrecision", {"precision": 0.5}, **YES),
    Row("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 1}, **YES),
    Row("AUC", {}, "binary", "probabilities", BINARY),
    Row("AUC", {"num_thresholds": 5, "curve": "PR"}, **YES),
    Row("AUC", {"curve": "PR", "summation_method": "minoring"}, **YES),
    Row("AUC", {"curve": "PRGAIN"}, **YES),
    Row("AUC", {"summation_method": "majoring", "from_logits": True}, "binary", "numbers", ((B, C),)),
    Row("AUC", {"thresholds": [0.7, 0.2, 0.4]}, **YES),
    Row("AUC", {"thresholds": [0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.6, 0.8], "curve": "PR"}, **YES),
    Row("AUC", {"multi_label": True}, "binary", "probabilities", FLAT),
    Row("AUC", {"multi_label": True, "num_labels": C, "label_weights": WEIGHTS, "curve": "PR"}, **COLUMNS),
    Row("AUC", {"multi_label": True, "thresholds": [0.3, 0.6], "summation_method": "minoring"}, **COLUMNS),
    Row("AUC", {"label_weights": WEIGHTS}, **COLUMNS),
    *(Row("FBetaScore", {"average": a, "beta": 2.0}, "one-hot", "distribution", FLAT) for a in AVERAGES),
    Row("FBetaScore", {"threshold": 0.5, "average": "weighted"}, "binary", "probabilities", FLAT),
    Row("F1Score", {}, "one-hot", "distribution", FLAT),
    Row("F1Score", {"average": "macro", "threshold": 0.4}, "binary", "probabilities", FLAT),
    Row("IoU", {"num_classes": C, "target_class_ids": [0, 2]}, "digits", "digits"),
    Row("IoU", {"num_classes": C, "target_class_ids": [1], "ignore_class": 2, "dtype": "float32"}, "digits", "digits"),
    Row("IoU", {"num_classes": C, "target_class_ids": [1], "sparse_y_pred": False}, "classes", "distribution"),
    Row("BinaryIoU", {}, "binary", "probabilities"),
    Row("BinaryIoU", {"target_class_ids": [1], "threshold": 0.2}, "binary", "probabilities"),
    Row("MeanIoU", {"num_classes": C + 1}, "digits", "digits"),
    Row("MeanIoU", {"num_classes": 3, "ignore_class": 0}, "digits", "digits"),
    Row("OneHotIoU", {"num_classes": C, "target_class_ids": [0, 3]}, "one-hot", "distribution"),
    Row("OneHotMeanIoU", {"num_classes": C, "sparse_y_pred": True}, "one-hot", "classes"),
]


def numbers(kind: str, shape: tuple, seed: int) -> np.ndarray:
    """Labels or outputs of a kind, for outputs of a shape."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape).astype("float32")
    if kind == "positive":
        return np.exp(values)
    if kind == "probabilities":
        return np.clip(rng.uniform(-0.1, 1.1, shape), 0, 1).astype("float32")  # some are exactly 0 or 1
    if kind == "distribution":
        return np.exp(values) / np.exp(values).sum(-1, keepdims=True)
    if kind == "binary":
        return rng.integers(0, 2, shape).astype("int32")
    if kind == "signs":
        return np.sign(values)
    if kind == "one-hot":
        return np.eye(shape[-1], dtype="float32")[rng.integers(0, shape[-1], shape[:-1])]
    if kind in ("classes", "classes apart"):
        return rng.integers(0, shape[-1], shape[:-1] + (1,) * (kind != "classes")).astype("int32")
    if kind in ("digits", "ties"):
        return rng.integers(0, C, shape).astype("int32" if kind == "digits" else "float32")
    if kind == "orders":
        return np.argsort(values, axis=-1).astype("int32")
    return values


def both(row: Row, **options: Any) -> tuple[Any, Any]:
    """The metric of plait and that of Keras."""
    options = {"name": "metric", **row.options, **options}
    return getattr(plait.metrics, row.name)(**options), getattr(keras.metrics, row.name)(**options)


def agree(ours: Any, theirs: Any, atol: float = 2e-6, rtol: float = 2e-6) -> None:
    """Both are equal up to rounding, and have the same shape."""
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(np.asarray(ours, "float32"), np.asarray(theirs, "float32"), atol=atol, rtol=rtol)


def title(row: Row) -> str:
    """A row's name in reports."""
    return " ".join([row.name, row.labels, *(f"{key}={value}" for key, value in row.options.items())])


def weights_for(row: Row, shape: tuple, y_pred: np.ndarray, seed: int) -> list:
    """None, a weight a sample, and one for each of what is averaged."""
    rng = np.random.default_rng(seed)
    whole = row.name.endswith("IoU") and row.options.get("dtype") is None
    kinds: list = [None]
    sizes = {(B,)} if not row.name.endswith("IoU") else {y_pred.shape[: 2 if row.outputs == "distribution" else 3]}
    if row.options.get("axis") == 0:
        return [None]
    if len(shape) == 3 and not row.name.endswith("IoU"):
        sizes = {(B, T)} if row.name != "CosineSimilarity" or not row.options else {(B,)}
    if row.name in ("MeanSquaredError", "AUC", "Precision") and len(shape) == 2 and "class_id" not in row.options:
        sizes |= {(B, 1)}
    if row.name == "IoU" and len(shape) == 2 and not row.options.get("sparse_y_pred", True):
        sizes = {(B,)}
    if whole:
        return kinds + [rng.integers(0, 3, size).astype("int32") for size in sizes]
    return kinds + [rng.uniform(0, 2, size).astype("float32") for size in sizes]


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")  # Keras's own
@pytest.mark.parametrize("row", ROWS, ids=title)
def test_results(row):
    for shape in row.shapes:
        if row.name == "SparseTopKCategoricalAccuracy" and len(shape) == 3 and "from_sorted_ids" in row.options:
            continue
        sample = numbers(row.outputs, shape, 0)
        for weights in weights_for(row, shape, sample, 9):
            batches = [(numbers(row.labels, shape, s), numbers(row.outputs, shape, s + 10)) for s in (1, 2, 3)]
            result, variables, first = oracle.answer(
                lambda row=row, batches=batches, weights=weights: after_batches(row, batches, weights),
                *(row, batches, weights),
            )
            ours = both(row)[0]
            update = jax.jit(ours.stateless_update_state)
            for batch in batches:
                if ours.built:
                    values = update([variable.value for variable in ours.variables], *batch, sample_weight=weights)
                    for variable, value in zip(ours.variables, values, strict=True):
                        assert (variable.shape, variable.dtype) == (value.shape, value.dtype.name)
                        variable.assign(value)
                else:
                    ours.update_state(*batch, sample_weight=weights)
            agree(ours.result(), result)
            assert [v.path for v in ours.variables] == [path for path, _ in variables]
            for mine, (_, keras_own) in zip(ours.variables, variables, strict=True):
                agree(mine.value, keras_own, atol=1e-5, rtol=1e-5)
            ours.reset_state()
            for mine, keras_own in zip(ours.variables, first, strict=True):
                agree(mine.value, keras_own)


def after_batches(row: Row, batches: list, weights: Any) -> tuple:
    """Keras's result and variables after some batches, and its variables after a reset."""
    theirs = both(row)[1]
    for batch in batches:
        theirs.update_state(*batch, sample_weight=weights)
    result, variables = theirs.result(), [(variable.path, np.asarray(variable.value)) for variable in theirs.variables]
    theirs.reset_state()
    return result, variables, [variable.value for variable in theirs.variables]


@pytest.mark.parametrize("row", ROWS, ids=title)
def test_configs(row):
    ours, theirs = both(row)
    written = theirs.get_config()
    if row.options.get("label_weights"):
        written["label_weights"] = pytest.approx(row.options["label_weights"])
    assert {key: value for key, value in ours.get_config().items() if key in written} == written
    assert set(ours.get_config()) - set(written) <= {"axis"}
    assert type(theirs).from_config(ours.get_config()).get_config().keys() == written.keys()
    again = plait.metrics.deserialize(plait.metrics.serialize(ours))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    assert plait.metrics.serialize(ours) | {"config": 0} == keras.metrics.serialize(theirs) | {"config": 0}
    assert ours._direction == getattr(theirs, "_direction", None)
    assert ours.dtype == theirs.dtype
    for key in row.options:
        if hasattr(theirs, key) and key not in ("curve", "summation_method", "label_weights", "dtype"):
            assert getattr(ours, key) == getattr(theirs, key)


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize(
    "shape, weight_shape",
    [
        ((), ()),
        ((B,), None),
        ((B,), ()),
        ((B,), (B,)),
        ((B,), (B, 1)),
        ((B, T), (B,)),
        ((B, T), (B, T)),
        ((B, T), (B, 1)),
    ]
    + [((B, T, C), (B, T)), ((B, T, C), (B,)), ((B, T, 1), (B, T)), ((B, 1), (B,)), ((B, T), None), ((0,), None)],
)
def test_sums_and_means(name, shape, weight_shape):
    ours, theirs = both(Row(name))
    for seed in (1, 2):
        values = numbers("numbers", shape, seed)
        weights = None if weight_shape is None else np.abs(numbers("numbers", weight_shape, seed + 5))
        expected = oracle.answer(lambda v=values, w=weights: theirs(v, sample_weight=w), name, values, weights)
        agree(ours(values, sample_weight=weights), expected, atol=1e-5)
    agree(both(Row(name))[0].result(), both(Row(name))[1].result())


MASKED = [
    Row("MeanSquaredError"),
    Row("SparseCategoricalCrossentropy", {"ignore_class": 1}, "classes", "distribution"),
    Row("CategoricalAccuracy", {}, "one-hot"),
]


@pytest.mark.parametrize("row", MASKED, ids=title)
def test_masks(row):
    y_true, y_pred = numbers(row.labels, (B, T, C), 1), numbers(row.outputs, (B, T, C), 2)
    for mask in (np.random.default_rng(3).random((B, T)) < 0.5, np.zeros((B, T), bool)):
        for weights in (None, np.random.default_rng(4).uniform(0, 2, (B, T)).astype("float32")):
            ours, theirs = both(row)
            mine, keras_own = jnp.array(y_pred), jnp.array(y_pred)
            set_mask(mine, jnp.asarray(mask))
            set_keras_mask(keras_own, jnp.asarray(mask))
            expected = oracle.answer(
                lambda theirs=theirs, y=keras_own, w=weights: theirs(y_true, y, sample_weight=w),
                *(row, y_true, y_pred, mask, weights),
            )
            agree(ours(y_true, mine, sample_weight=weights), expected)


FUNCTIONS = {
    "binary_accuracy": ("binary", "probabilities"),
    "categorical_accuracy": ("one-hot", "distribution"),
    "sparse_categorical_accuracy": ("classes", "distribution"),
    "top_k_categorical_accuracy": ("one-hot", "distribution"),
    "sparse_top_k_categorical_accuracy": ("classes", "distribution"),
    "pearson_correlation": ("numbers", "numbers"),
    "concordance_correlation": ("numbers", "numbers"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    labels, outputs = FUNCTIONS[name]
    for shape in [(B, 7), (B, T, 7)]:
        y_true, y_pred = numbers(labels, shape, 1), jnp.asarray(numbers(outputs, shape, 2))
        agree(getattr(plait.metrics, name)(y_true, y_pred), getattr(keras.metrics, name)(y_true, y_pred), atol=1e-5)


def test_every_name_of_keras():
    needing = {"Metric", "MeanMetricWrapper", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"}
    for name, cls in keras.src.metrics.ALL_OBJECTS_DICT.items():
        if cls.__name__ not in needing and "At" not in cls.__name__:
            assert type(plait.metrics.get(name)).__name__ == cls.__name__
    public = {name for name in dir(keras.metrics) if not name.startswith("_")}
    assert public <= set(plait.metrics.__all__)


def test_automatic_names():
    keras.utils.clear_session()
    names = ["AUC", "AUC", "Precision", "TruePositives", "IoU", "MeanIoU", "BinaryIoU", "RecallAtPrecision", "R2Score"]
    options = {"IoU": {"num_classes": 2, "target_class_ids": [0]}, "MeanIoU": {"num_classes": 2}}
    options["RecallAtPrecision"] = {"precision": 0.5}
    ours, theirs = ([getattr(m, n)(**options.get(n, {})).name for n in names] for m in (plait.metrics, keras.metrics))
    assert ours == theirs


def test_signatures():
    for module, other in [(plait.metrics, keras.metrics), (plait.losses, keras.losses)]:
        for name in sorted(name for name in dir(other) if not name.startswith("_")):
            ours, theirs = (inspect.signature(getattr(m, name)).parameters.values() for m in (module, other))
            assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs], name


def test_wrapped_functions():
    def distance(y_true: Any, y_pred: Any, power: int = 1) -> Any:
        return jnp.mean(abs(y_true - y_pred) ** power, -1)

    y_true, y_pred = numbers("numbers", (B, C), 1), numbers("numbers", (B, C), 2)
    ours, theirs = (m.MeanMetricWrapper(distance, name="distance", power=3) for m in (plait.metrics, keras.metrics))
    agree(ours(y_true, y_pred), theirs(y_true, y_pred))
    assert ours.get_config() == theirs.get_config()
    assert ours._direction is None
    ours, theirs = (m.metrics.MeanMetricWrapper(m.losses.huber, delta=2.0) for m in (plait, keras))
    assert ours.get_config() == theirs.get_config()
    assert ours._direction == theirs._direction == "down"
    again = plait.metrics.deserialize(keras.metrics.serialize(theirs))
    agree(again(y_true, y_pred), theirs(y_true, y_pred))
