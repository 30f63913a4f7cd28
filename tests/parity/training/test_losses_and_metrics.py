"""Every loss and every metric in whole trainings beside Keras: one model, a head for each, 20 steps.

The heads share nothing, so each has a trajectory of its own, and one training on each side tells of all.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

from parity.training.twins import assert_same, both

ROWS, STEPS, FEATURES, CLASSES = 38, 4, 3, 4
rng = np.random.default_rng(1)
X = {
    "flat": rng.normal(size=(ROWS, FEATURES)).astype("float32"),
    "series": rng.normal(size=(ROWS, STEPS, FEATURES)).astype("float32"),
}


class Head(NamedTuple):
    """A head: the loss or metric, its arguments, its activation and labels, what it reads, and how many outputs it has."""

    name: str
    options: dict = {}
    activation: str | None = None
    labels: str = "numbers"
    reads: str = "flat"
    size: int = CLASSES


def labels_for(kind: str, shape: tuple) -> np.ndarray:
    """Labels of a kind, for outputs of a shape."""
    rng = np.random.default_rng(len(kind) + len(shape))
    if kind == "numbers":
        return rng.normal(size=shape).astype("float32")
    if kind == "positive":
        return np.exp(rng.normal(size=shape)).astype("float32")
    if kind == "binary":
        return rng.integers(0, 2, shape).astype("float32")
    if kind == "distribution":
        return rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype("float32")
    if kind == "one-hot":
        return np.eye(shape[-1], dtype="float32")[rng.integers(0, shape[-1], shape[:-1])]
    if kind == "sequence":
        return np.concatenate([rng.integers(1, 3, (shape[0], 1)), rng.integers(0, 1, (shape[0], 1))], 1).astype("int32")
    return rng.integers(0, 2 if kind == "two classes" else shape[-1], shape[:-1]).astype("int32")


LOSSES = [
    Head("MeanSquaredError"),
    Head("MeanSquaredError", {"reduction": "sum"}, reads="series"),
    Head("MeanAbsoluteError", {"reduction": "mean_with_sample_weight"}),
    Head("MeanAbsolutePercentageError"),
    Head("MeanSquaredLogarithmicError", {}, "exponential", "positive"),
    Head("CosineSimilarity"),
    Head("Huber", {"delta": 0.3}),
    Head("LogCosh", reads="series"),
    Head("Poisson", {}, "exponential", "positive"),
    Head("KLDivergence", {}, "softmax", "distribution"),
    Head("Hinge", {}, "tanh", "binary"),
    Head("SquaredHinge", {}, "tanh", "binary"),
    Head("CategoricalHinge", {}, "softmax", "one-hot"),
    Head("BinaryCrossentropy", {}, "sigmoid", "binary", size=1),
    Head("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, None, "binary", "series"),
    Head("BinaryFocalCrossentropy", {"apply_class_balancing": True}, "sigmoid", "binary"),
    Head("CategoricalCrossentropy", {"label_smoothing": 0.1}, "softmax", "one-hot"),
    Head("CategoricalFocalCrossentropy", {"gamma": 1.5}, "softmax", "one-hot", "series"),
    Head("SparseCategoricalCrossentropy", {}, "softmax", "classes", "series"),
    Head("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, None, "classes"),
    Head("CategoricalGeneralizedCrossEntropy", {}, "softmax", "classes"),
    Head("Dice", {}, "sigmoid", "binary"),
    Head("Tversky", {"alpha": 0.2, "beta": 0.7}, "sigmoid", "binary"),
    Head("Circle", {"gamma": 5.0}, "unit", "two classes"),
    Head("CTC", {}, None, "sequence", "series"),
]
BINARY: dict[str, Any] = dict(activation="sigmoid", labels="binary", size=1)
COLUMNS: dict[str, Any] = dict(activation="sigmoid", labels="binary")
ONE_HOT: dict[str, Any] = dict(activation="softmax", labels="one-hot")
CLASS: dict[str, Any] = dict(activation="softmax", labels="classes")
METRICS = [
    *(Head(f"Mean{kind}Error") for kind in ("Squared", "Absolute", "AbsolutePercentage")),
    Head("MeanSquaredLogarithmicError", {}, "exponential", "positive"),
    *map(Head, ("RootMeanSquaredError", "CosineSimilarity", "LogCoshError", "R2Score")),
    *map(Head, ("PearsonCorrelation", "ConcordanceCorrelation")),
    Head("Poisson", {}, "exponential", "positive"),
    Head("KLDivergence", {}, "softmax", "distribution"),
    Head("BinaryCrossentropy", **COLUMNS),
    Head("CategoricalCrossentropy", {"label_smoothing": 0.1}, **ONE_HOT),
    Head("SparseCategoricalCrossentropy", {"ignore_class": 1}, **CLASS),
    Head("Hinge", {}, "tanh", "binary"),
    Head("SquaredHinge", {}, "tanh", "binary"),
    Head("CategoricalHinge", **ONE_HOT),
    Head("BinaryAccuracy", **COLUMNS, reads="series"),
    Head("CategoricalAccuracy", **ONE_HOT, reads="series"),
    Head("SparseCategoricalAccuracy", **CLASS, reads="series"),
    Head("TopKCategoricalAccuracy", {"k": 2}, **ONE_HOT),
    Head("SparseTopKCategoricalAccuracy", {"k": 2}, **CLASS),
    *(Head(f"{truth}{side}", **BINARY) for truth in ("True", "False") for side in ("Positives", "Negatives")),
    Head("Precision", {"thresholds": 0.4}, **BINARY),
    Head("Precision", {"top_k": 2, "class_id": 1}, **ONE_HOT),
    Head("Recall", {"thresholds": 0.6}, **COLUMNS),
    Head("SensitivityAtSpecificity", {"specificity": 0.4}, **BINARY),
    Head("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 7}, **BINARY),
    Head("PrecisionAtRecall", {"recall": 0.5}, **BINARY),
    Head("RecallAtPrecision", {"precision": 0.5}, **BINARY),
    Head("AUC", **BINARY),
    Head("AUC", {"curve": "PR", "multi_label": True}, **COLUMNS),
    Head("FBetaScore", {"average": "macro", "beta": 2.0}, **ONE_HOT),
    Head("F1Score", {"average": "weighted", "threshold": 0.4}, **COLUMNS),
    Head("BinaryIoU", {"dtype": "float32"}, **BINARY),
    Head(
        "IoU", {"num_classes": CLASSES, "target_class_ids": [0, 2], "sparse_y_pred": False, "dtype": "float32"}, **CLASS
    ),
    Head("MeanIoU", {"num_classes": CLASSES, "sparse_y_pred": False, "dtype": "float32"}, **CLASS),
    Head("OneHotIoU", {"num_classes": CLASSES, "target_class_ids": [1], "dtype": "float32"}, **ONE_HOT),
    Head("OneHotMeanIoU", {"num_classes": CLASSES, "dtype": "float32"}, **ONE_HOT),
]


def name_of(place: int, head: Head) -> str:
    """The name of a head's layer."""
    return f"{head.name.lower()}_{place}"


def with_heads(heads: list[Head]) -> Any:
    """A function that makes a model with these heads."""

    def make(lib: Any) -> Any:
        inputs = {"flat": lib.Input((FEATURES,), name="flat"), "series": lib.Input((STEPS, FEATURES), name="series")}
        outputs = []
        for place, head in enumerate(heads):
            unit = head.activation == "unit"
            name = name_of(place, head)
            output = lib.layers.Dense(
                head.size, activation=None if unit else head.activation, name=f"{name}_before" if unit else name
            )(inputs[head.reads])
            outputs.append(lib.layers.UnitNormalization(name=name)(output) if unit else output)
        return lib.Model(inputs, outputs)

    return make


def labels_of(heads: list[Head]) -> list:
    """Labels for each head."""
    return [
        labels_for(head.labels, (ROWS, STEPS, head.size) if head.reads == "series" else (ROWS, head.size))
        for head in heads
    ]


def weights_of(heads: list[Head]) -> dict:
    """Weights for each head: a number a row, or one a step, which is the only form that Keras takes for series."""
    in_steps = [head.reads == "series" and head.name != "CTC" for head in heads]
    shapes = [(ROWS, STEPS) if steps else (ROWS,) for steps in in_steps]
    return {"sample_weight": [rng.uniform(0.5, 2, shape).astype("float32") for shape in shapes]}


def made(lib: Any, namespace: str, head: Head, **options: Any) -> Any:
    """A head's loss or metric, from the library."""
    return getattr(getattr(lib, namespace), head.name)(**head.options, **options)


SOME_LOSSES, SOME_METRICS = LOSSES[1::6], METRICS[7::12]


@pytest.mark.parametrize(
    "heads, weighted",
    [
        pytest.param(SOME_LOSSES, False, id="some"),
        pytest.param(LOSSES, True, id="all-weighted", marks=pytest.mark.slow),
    ],
)
def test_losses(heads, weighted):
    def compiled(lib):
        return {"optimizer": lib.optimizers.SGD(0.05), "loss": [made(lib, "losses", head) for head in heads]}

    options = weights_of(heads) if weighted else {}
    assert_same(*both(with_heads(heads), compiled, (X, labels_of(heads)), **options))


@pytest.mark.parametrize(
    "heads", [pytest.param(SOME_METRICS, id="some"), pytest.param(METRICS, id="all", marks=pytest.mark.slow)]
)
def test_metrics_with_and_without_weights(heads):
    def compiled(lib):
        return {
            "optimizer": lib.optimizers.SGD(0.05),
            "loss": ["sparse_categorical_crossentropy" if head.labels == "classes" else "mse" for head in heads],
            "metrics": [[made(lib, "metrics", head, name="plain")] for head in heads],
            "weighted_metrics": [[made(lib, "metrics", head, name="weighted")] for head in heads],
        }

    options = weights_of(heads)
    assert_same(*both(with_heads(heads), compiled, (X, labels_of(heads)), evaluate=heads is METRICS, **options))
