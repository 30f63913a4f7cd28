"""Wrong calls of compile, fit and their like, and what plait says to each: who, what was expected, what came, what to do."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

import plait
from plait import callbacks, layers
from plait.errors import ArgumentError, DataError, NameUnknownError, ShapeError, StateError

ROWS = 12
X = np.linspace(-1, 1, 4 * ROWS, dtype="float32").reshape(ROWS, 4)
Y = X[:, :1] * 2
CLASSES = np.arange(ROWS) % 3
XX, YY = {"measures": X, "grade": X[:, :1]}, {"price": Y, "cut": CLASSES}
NAN = np.where(np.arange(ROWS)[:, None] == 3, np.nan, X).astype("float32")


def one(**options):
    """A model with an input and an output."""
    x = plait.Input((4,), name="measures")
    model = plait.Model(x, layers.Dense(1, name="price")(x), name="one")
    model.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return model


def kind(**options):
    """A classifier."""
    x = plait.Input((4,), name="measures")
    model = plait.Model(x, layers.Dense(3, activation="softmax", name="cut")(x), name="kind")
    model.compile(**{"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", **options})
    return model


def two(**options):
    """A model with two inputs and two outputs, by name."""
    measures, grade = plait.Input((4,), name="measures"), plait.Input((1,), name="grade")
    h = layers.Concatenate(name="joined")([measures, grade])
    outputs = {"price": layers.Dense(1, name="p")(h), "cut": layers.Dense(3, activation="softmax", name="c")(h)}
    model = plait.Model({"measures": measures, "grade": grade}, outputs, name="two")
    loss = {"price": "mse", "cut": "sparse_categorical_crossentropy"}
    model.compile(**{"optimizer": "sgd", "loss": loss, **options})
    return model


def any_length():
    """A model of sequences of any length."""
    x = plait.Input((None, 4))
    return plait.Model(x, layers.Dense(1)(x))


def fit(model, *data, **options):
    """Trains silently."""
    return model.fit(*data, **{"verbose": 0, **options})


def batches(count, batch=(X[:4], Y[:4])):
    """A generator that ends after some batches."""
    for _ in range(count):
        yield batch


def frozen():
    """A model without anything to train."""
    model = one()
    model.trainable = False
    return model


class Wrong(NamedTuple):
    """A wrong call, and what it raises or warns of."""

    name: str
    call: Callable
    error: type
    message: str


TABLE = [
    Wrong(
        "a loss that is unknown",
        lambda: one(loss="mze"),
        ArgumentError,
        "one.compile: the output 'price': No loss is called 'mze'. Did you mean 'mse'?",
    ),
    Wrong(
        "a loss that is a number",
        lambda: one(loss=3),
        ArgumentError,
        "one.compile: the output 'price': A loss must be a name, a config, a class, a function or None, but got 3.",
    ),
    Wrong(
        "too few losses",
        lambda: two(loss=["mse"]),
        ArgumentError,
        "two.compile: loss lists 1 for 2 outputs. Give one for each of 'cut', 'price', None for none, "
        "or a dict by these names.",
    ),
    Wrong(
        "a loss for no output",
        lambda: two(loss={"prize": "mse", "cut": "mse"}),
        ArgumentError,
        "two.compile: loss has the key 'prize', which is no output. Did you mean 'price'? Outputs: 'cut', 'price'.",
    ),
    Wrong(
        "an unknown metric",
        lambda: one(metrics=["acuracy"]),
        ArgumentError,
        "one.compile: the output 'price': No metric is called 'acuracy'. Did you mean 'accuracy'?",
    ),
    Wrong(
        "a metric outside a list",
        lambda: one(metrics="mae"),
        ArgumentError,
        "one.compile: `metrics` should contain metrics objects and either be a dict or a list matching "
        "the output names, but got 'mae'. Put it into a list.",
    ),
    Wrong(
        "metrics for no output",
        lambda: two(metrics={"cutt": "accuracy"}),
        ArgumentError,
        "two.compile: metrics has the key 'cutt', which is no output. Did you mean 'cut'? Outputs: 'cut', 'price'.",
    ),
    Wrong(
        "too few metrics",
        lambda: two(metrics=["mae"]),
        ArgumentError,
        "two.compile: metrics lists 1 for 2 outputs. Give one for each of 'cut', 'price', None for "
        "none, or a dict by these names.",
    ),
    Wrong(
        "a loss weight that is text",
        lambda: two(loss_weights={"price": "big"}),
        ArgumentError,
        "two.compile: the loss weight of 'price' must be a number, but got 'big'.",
    ),
    Wrong(
        "a loss weight for no output",
        lambda: two(loss_weights={"prices": 1.0}),
        ArgumentError,
        "two.compile: loss_weights has the key 'prices', which is no output. Did you mean 'price'? "
        "Outputs: 'cut', 'price'.",
    ),
    Wrong(
        "too many loss weights",
        lambda: two(loss_weights=[1.0, 2.0, 3.0]),
        ArgumentError,
        "two.compile: loss_weights lists 3 for 2 outputs. Give one for each of 'cut', 'price', None "
        "for none, or a dict by these names.",
    ),
    Wrong(
        "several mistakes at once",
        lambda: two(loss={"prize": "mse"}, metrics={"cutt": "mae"}, loss_weights={"x": 1}),
        ArgumentError,
        "two.compile: 3 problems\n"
        "  - loss has the key 'prize', which is no output. Did you mean 'price'? Outputs: 'cut', "
        "'price'.\n"
        "  - loss_weights has the key 'x', which is no output. Outputs: 'cut', 'price'.\n"
        "  - metrics has the key 'cutt', which is no output. Did you mean 'cut'? Outputs: 'cut', "
        "'price'.",
    ),
    Wrong(
        "an unknown optimizer",
        lambda: one(optimizer="adamm"),
        NameUnknownError,
        "No optimizer is called 'adamm'. Did you mean 'adam'?",
    ),
    Wrong(
        "an optimizer that is a number",
        lambda: one(optimizer=0.1),
        ArgumentError,
        "An optimizer must be a name, a config, an optimizer or an Optax transformation, but got 0.1.",
    ),
    Wrong(
        "a model that is not compiled",
        lambda: fit(plait.Sequential([layers.Dense(1)], name="plain"), X, Y),
        StateError,
        "Model 'plain': You must call `compile()` before using the model. Give it an optimizer and a loss.",
    ),
    Wrong(
        "a loss that returns nothing",
        lambda: fit(one(loss=lambda y, y_pred: None), X, Y),
        ArgumentError,
        "one: the loss of the output 'price': <lambda> returned None, not a loss. Does the function end with `return`?",
    ),
    Wrong(
        "no labels",
        lambda: fit(one(), X),
        DataError,
        "one: there are no labels, but the outputs 'price' have a loss. Give y.",
    ),
    Wrong(
        "labels for one output only",
        lambda: fit(two(), XX, {"price": Y}),
        ArgumentError,
        "two: the labels don't match the outputs 'cut', 'price': labels for 'cut' are missing.",
    ),
    Wrong(
        "labels for no output",
        lambda: fit(two(), XX, {"price": Y, "cutt": CLASSES}),
        ArgumentError,
        "two: the labels don't match the outputs 'cut', 'price': labels for 'cut' are missing; 'cutt' "
        "is no output. Did you mean 'cut'?",
    ),
    Wrong(
        "more labels than outputs",
        lambda: fit(two(), XX, [Y, CLASSES, CLASSES]),
        ArgumentError,
        "two: y_true and y_pred have different structures. Expected labels for 'cut', 'price' (or only "
        "for the 2 with a loss or metric), but got [float32[None, 1], int64[None], int64[None]]. Give "
        "a dict by these names.",
    ),
    Wrong(
        "one array of labels for two outputs",
        lambda: fit(two(), XX, Y),
        ArgumentError,
        "two: y_true and y_pred have different structures. Expected labels for 'cut', 'price' (or only "
        "for the 2 with a loss or metric), but got float32[None, 1]. Give a dict by these names.",
    ),
    Wrong(
        "labels of another shape",
        lambda: fit(one(), X, np.repeat(Y, 3, axis=1)),
        UserWarning,
        "The labels of 'price' are float32[None, 3], but its outputs float32[None, 1]: mse compares a "
        "number of one with several of the other. Give labels of the shape of the outputs.",
    ),
    Wrong(
        "one-hot labels for class numbers",
        lambda: fit(kind(), X, np.eye(3)[CLASSES]),
        ShapeError,
        "kind: the loss of the output 'cut': sparse_categorical_crossentropy: labels are class "
        "numbers, of shape (12,) for outputs float32[12, 3], but got float32[12, 3]. One-hot labels "
        "are for categorical_crossentropy.",
    ),
    Wrong(
        "class numbers for one-hot labels",
        lambda: fit(kind(loss="categorical_crossentropy"), X, CLASSES),
        ShapeError,
        "kind: the loss of the output 'cut': Labels and outputs must have the same shape, but got "
        "float32[12] and float32[12, 3]. Class numbers are for sparse_categorical_crossentropy.",
    ),
    Wrong(
        "labels beyond the last class",
        lambda: fit(kind(), X, CLASSES + 1),
        DataError,
        "kind: the labels of 'cut' must be whole numbers from 0 to 2, because it has 3 outputs, but 4 of 12 "
        "rows hold other values; the first is 3, in row 2. Number the classes from 0: classes, y = "
        "np.unique(y, return_inverse=True). To leave rows out, give them a `sample_weight` of 0; to leave a class "
        "out, use SparseCategoricalCrossentropy(ignore_class=...).",
    ),
    Wrong(
        "labels that are text",
        lambda: fit(kind(), X, np.array(["fair", "good", "ideal"] * 4)),
        DataError,
        "kind: labels must be numbers, but the labels are text. Number the classes first: classes, y = "
        "np.unique(y, return_inverse=True).",
    ),
    Wrong(
        "labels of another length",
        lambda: fit(one(), X, Y[:7]),
        DataError,
        "Data cardinality is ambiguous. Make sure all arrays contain the same number of samples. Got x: 12, y: 7.",
    ),
    Wrong(
        "labels that are lists",
        lambda: fit(one(), X, [[1.0]] * ROWS),
        DataError,
        "Data must be arrays (NumPy, JAX, pandas, ...) or dicts and lists of them, but got 1.0. Lists "
        "of numbers are not data: make them an array first, with np.array(...).",
    ),
    Wrong(
        "inputs of another size",
        lambda: fit(one(), X[:, :3], Y),
        ShapeError,
        "one cannot take these inputs: Input 'measures' is incompatible with the layer: expected shape=(None,"
        " 4), found shape=(12, 3).",
    ),
    Wrong(
        "inputs of another rank",
        lambda: fit(one(), X[:, 0], Y),
        ShapeError,
        "one cannot take these inputs: Input 'measures' is incompatible with the layer: expected shape=(None,"
        " 4), found shape=(12,).",
    ),
    Wrong(
        "a missing input",
        lambda: fit(two(), {"measures": X}, YY),
        DataError,
        "two has the inputs 'measures', 'grade', but got a dict with the keys 'measures': Missing data for "
        "input 'grade'.",
    ),
    Wrong(
        "an input of another name",
        lambda: fit(two(), {"measures": X, "grades": X[:, :1]}, YY),
        DataError,
        "two has the inputs 'measures', 'grade', but got a dict with the keys 'measures', 'grades': 2 "
        "problems\n"
        "  - Missing data for input 'grade'.\n"
        "  - 'grades' is not an input. Did you mean 'grade'?",
    ),
    Wrong(
        "too few inputs",
        lambda: fit(two(), [X], YY),
        DataError,
        "two: The structure of `inputs` doesn't match the expected structure, named input(s) with keys 'measures', 'grade': got "
        "[float32[12, 4]].",
    ),
    Wrong(
        "inputs that are text",
        lambda: fit(one(), np.array([["a"] * 4] * ROWS), Y),
        DataError,
        'one: inputs must be numbers, but the inputs are text. Take text in with Input(dtype="string") '
        "and a layer such as StringLookup.",
    ),
    Wrong(
        "inputs that are dates",
        lambda: fit(one(), pd.DataFrame({"day": pd.to_datetime(["2020-01-01"] * ROWS)}).to_numpy(), Y),
        DataError,
        "Data cannot be dates or durations: datetime64[us][12, 1]. Make numbers of them, such as "
        "seconds: (dates - first).dt.total_seconds().",
    ),
    Wrong(
        "inputs of mixed kinds",
        lambda: fit(one(), pd.DataFrame({"a": [1, "x"] * 6, "b": range(ROWS)}), Y),
        DataError,
        "Data of dtype object cannot be used: object[12, 2]. Its columns have different kinds of "
        "values, or some are missing; make numbers of them, or pass the columns as separate inputs.",
    ),
    Wrong(
        "a frame without a column",
        lambda: fit(two(), pd.DataFrame({"measure": X[:, 0], "grade": 1.0, "price": 1.0, "cut": 1})),
        DataError,
        "two: the frame has the columns 'measure', 'grade', 'price', 'cut': there is no column for the "
        "input 'measures'. Did you mean 'measure'?",
    ),
    Wrong(
        "no data",
        lambda: fit(one()),
        DataError,
        "There is no data: x is None. Give arrays, a generator, or an iterable of batches.",
    ),
    Wrong(
        "no rows",
        lambda: fit(one(), X[:0], Y[:0]),
        DataError,
        "There is no data: the arrays have 0 rows.",
    ),
    Wrong(
        "a number for data",
        lambda: fit(one(), 3, Y),
        DataError,
        "Data must be arrays (NumPy, JAX, pandas, ...) or dicts and lists of them, but got 3. Lists of "
        "numbers are not data: make them an array first, with np.array(...).",
    ),
    Wrong(
        "labels beside a generator",
        lambda: fit(one(), batches(3), Y),
        ArgumentError,
        "`y` and `sample_weight` go with arrays only; generator gives batches, which hold (x, y, "
        "sample_weight) themselves.",
    ),
    Wrong(
        "a generator without batches",
        lambda: fit(one(), batches(0)),
        DataError,
        "There is no data: the generator or iterable gave no batch.",
    ),
    Wrong(
        "a generator that ends early",
        lambda: fit(one(), batches(3), steps_per_epoch=5),
        DataError,
        "one: the generator ended too soon: it gave 3 batches of the 5 that are needed. What was "
        "learnt from them is kept. Make the generator endless, or give fewer steps.",
    ),
    Wrong(
        "a generator that ends in the second epoch",
        lambda: fit(one(), batches(3), epochs=2),
        DataError,
        "The data is used up: a generator runs once, and it ended in epoch 1. Make it endless and say "
        "`steps_per_epoch`, or give something that can be iterated again: a PyDataset, or an object "
        "with `__iter__`.",
    ),
    Wrong(
        "a generator that ends within the second epoch",
        lambda: fit(one(), batches(3), epochs=2, steps_per_epoch=2),
        DataError,
        "one: the generator ended too soon: it gave 1 batches of the 2 that are needed. What was "
        "learnt from them is kept. Make the generator endless, or give fewer steps.",
    ),
    Wrong(
        "a batch of four parts",
        lambda: fit(one(), batches(3, (X, Y, Y, Y))),
        DataError,
        "A batch must be `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`, but got (float32[12, 4], "
        "float32[12, 1], float32[12, 1], float32[12, 1]).",
    ),
    Wrong(
        "a batch of numbers",
        lambda: fit(one(), batches(3, (np.float32(1), np.float32(2)))),
        DataError,
        "A batch needs a batch axis, but got the number float32[]. If the data gives single rows, batch them first.",
    ),
    Wrong(
        "a batch whose parts differ in length",
        lambda: fit(one(), batches(3, (X, Y[:3]))),
        DataError,
        "one: the loss of the output 'price' (mse) cannot compare labels float32[3, 1] with outputs "
        "float32[12, 1]. sub got incompatible shapes for broadcasting: (3, 1), (12, 1).",
    ),
    Wrong(
        "fewer batches than steps",
        lambda: one().evaluate(X, Y, steps=50, batch_size=4, verbose=0),
        UserWarning,
        "one: Your input ran out of data; interrupting training. The data gave 3 batches of the 50 "
        "that are needed. Give fewer steps, or more data.",
    ),
    Wrong(
        "sample weights of another length",
        lambda: fit(one(), X, Y, sample_weight=np.ones(5)),
        DataError,
        "Data cardinality is ambiguous. Make sure all arrays contain the same number of samples. Got "
        "x: 12, y: 12, sample_weight: 5.",
    ),
    Wrong(
        "sample weights of another shape",
        lambda: fit(one(), X, Y, sample_weight=np.ones((ROWS, 3))),
        ShapeError,
        "one: the loss of the output 'price': Weights and masks must have the shape of the values that "
        "they weigh, float32[12], or of its leading axes, but got float32[12, 3].",
    ),
    Wrong(
        "sample weights for no output",
        lambda: fit(two(), XX, YY, sample_weight={"prize": np.ones(ROWS)}),
        ArgumentError,
        "two: the sample weights don't match the outputs 'cut', 'price': 'prize' is no output. Did you mean 'price'?",
    ),
    Wrong(
        "sample weights that are text",
        lambda: fit(one(), X, Y, sample_weight=np.array(["big"] * ROWS)),
        DataError,
        "one: sample weights must be numbers, but the sample weights are text. Give a number for each row.",
    ),
    Wrong(
        "weights of classes and of rows",
        lambda: fit(kind(), X, CLASSES, class_weight={0: 1.0}, sample_weight=np.ones(ROWS)),
        ArgumentError,
        "fit: `class_weight` and `sample_weight` can't be given together. Multiply them into one "
        "`sample_weight`, or give `sample_weight` as a dict by output.",
    ),
    Wrong(
        "weights of classes by label",
        lambda: fit(kind(), X, CLASSES, class_weight={"fair": 1.0}),
        ArgumentError,
        "kind: class_weight: the classes are 0 to 2, but there is a weight for 'fair'.",
    ),
    Wrong(
        "weights of classes for no output",
        lambda: fit(two(), XX, YY, class_weight={"cutt": {0: 1.0}}),
        ArgumentError,
        "two: class_weight: 'cutt' is no output. Did you mean 'cut'? Outputs: 'cut', 'price'.",
    ),
    Wrong(
        "weights of classes without an output",
        lambda: fit(two(), XX, YY, class_weight={0: 1.0, 1: 2.0}),
        ArgumentError,
        "two: class_weight: `class_weight` is only supported for models with a single output, or by "
        "output: this one has 'cut', 'price'. Give {'cut': {0: 1.0, ...}}.",
    ),
    Wrong(
        "weights of classes in a list",
        lambda: fit(kind(), X, CLASSES, class_weight=[1.0, 2.0, 3.0]),
        ArgumentError,
        "kind: `class_weight` must be a dict of numbers by class, {0: 1.0, 1: 5.0}, but got list [1.0, 2.0, 3.0].",
    ),
    Wrong(
        "weights of classes that are text",
        lambda: fit(kind(), X, CLASSES, class_weight={0: "big"}),
        ArgumentError,
        "kind: class_weight: the weight of class 0 must be a number, but got 'big'.",
    ),
    Wrong(
        "a weight for no class",
        lambda: fit(kind(), X, CLASSES, class_weight={7: 1.0}),
        ArgumentError,
        "kind: class_weight: the classes are 0 to 2, but there is a weight for 7.",
    ),
    Wrong(
        "a batch size of 0",
        lambda: fit(one(), X, Y, batch_size=0),
        ArgumentError,
        "`batch_size` must be a whole number from 1 up, but got 0.",
    ),
    Wrong(
        "a batch size that is no whole number",
        lambda: fit(one(), X, Y, batch_size=3.5),
        ArgumentError,
        "`batch_size` must be a whole number from 1 up, but got 3.5.",
    ),
    Wrong(
        "a negative number of epochs",
        lambda: fit(one(), X, Y, epochs=-1),
        ArgumentError,
        "`epochs` must be a whole number from 0 up, but got -1.",
    ),
    Wrong(
        "no steps",
        lambda: fit(one(), X, Y, steps_per_epoch=0),
        ArgumentError,
        "`steps` must be a whole number from 1 up, but got 0.",
    ),
    Wrong(
        "a validation split above 1",
        lambda: fit(one(), X, Y, validation_split=1.5),
        ArgumentError,
        "`validation_split` must be between 0 and 1, but got 1.5.",
    ),
    Wrong(
        "a validation split of one row",
        lambda: fit(one(), X[:1], Y[:1], validation_split=0.5),
        ArgumentError,
        "Training data contains 1 samples, which is not sufficient to split it into a validation and "
        "training set as specified by `validation_split=0.5`. Either provide more data, or a different "
        "value.",
    ),
    Wrong(
        "a validation split of a generator",
        lambda: fit(one(), batches(3), validation_split=0.5),
        ArgumentError,
        "`validation_split` splits arrays only, but x is a generator. Give `validation_data` beside a generator.",
    ),
    Wrong(
        "validation data without labels",
        lambda: fit(one(), X, Y, validation_data=(X,)),
        DataError,
        "one: there are no labels, but the outputs 'price' have a loss. Give y.",
    ),
    Wrong(
        "validation each 0 epochs",
        lambda: fit(one(), X, Y, validation_data=(X, Y), validation_freq=0),
        ArgumentError,
        "fit: `validation_freq` must be a whole number from 1 up (validate each so many epochs) or a "
        "list of epochs, counted from 1, but got 0.",
    ),
    Wrong(
        "verbose that is text",
        lambda: fit(one(), X, Y, verbose="loud"),
        ArgumentError,
        "fit: `verbose` must be 0, 1, 2 or 'auto', but got 'loud'.",
    ),
    Wrong(
        "shuffle that is text",
        lambda: fit(one(), X, Y, shuffle="rows"),
        ArgumentError,
        "fit: `shuffle` must be True, False or 'batch', but got 'rows'.",
    ),
    Wrong(
        "a seed that is text",
        lambda: fit(one(), X, Y, seed="lucky"),
        ArgumentError,
        "fit: `seed` must be a whole number from 0 up, but got 'lucky'.",
    ),
    Wrong(
        "a function for a callback",
        lambda: fit(one(), X, Y, callbacks=[print]),
        ArgumentError,
        "callbacks must be Callback objects, but got builtin_function_or_method <built-in function print>.",
    ),
    Wrong(
        "a class for a callback",
        lambda: fit(one(), X, Y, callbacks=[callbacks.EarlyStopping]),
        ArgumentError,
        "callbacks must be Callback objects, but got the class EarlyStopping. Make one: EarlyStopping().",
    ),
    Wrong(
        "an unknown monitor",
        lambda: fit(one(), X, Y, callbacks=[callbacks.EarlyStopping(monitor="val_los")], validation_data=(X, Y)),
        UserWarning,
        "EarlyStopping: 'val_los' is not available. Available are: 'loss', 'val_loss'. Did you mean 'val_loss'?",
    ),
    Wrong(
        "an unknown mode",
        lambda: callbacks.EarlyStopping(mode="up"),
        ArgumentError,
        "EarlyStopping: mode must be 'auto', 'min' or 'max', but got 'up'.",
    ),
    Wrong(
        "a factor above 1",
        lambda: callbacks.ReduceLROnPlateau(factor=1.5),
        ArgumentError,
        "ReduceLROnPlateau: `factor` must be below 1, but got 1.5.",
    ),
    Wrong(
        "a checkpoint of another kind",
        lambda: callbacks.ModelCheckpoint("model.zip"),
        ArgumentError,
        "ModelCheckpoint: the path must end in `.keras` or `.h5`, but got 'model.zip'.",
    ),
    Wrong(
        "a checkpoint named by what is not logged",
        lambda: fit(one(), X, Y, callbacks=[callbacks.ModelCheckpoint("{val_loss:.2f}.keras")]),
        ArgumentError,
        "ModelCheckpoint: the filepath '{val_loss:.2f}.keras' names 'val_loss', which the logs don't have: 'loss'.",
    ),
    Wrong(
        "a schedule that gives text",
        lambda: fit(one(), X, Y, callbacks=[callbacks.LearningRateScheduler(lambda epoch, rate: "fast")]),
        ArgumentError,
        "The output of the `schedule` function should be a float. Got: 'fast'",
    ),
    Wrong(
        "averages without an optimizer that has them",
        lambda: fit(one(), X, Y, callbacks=[callbacks.SwapEMAWeights()]),
        ArgumentError,
        "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer: this one keeps no averages to swap in.",
    ),
    Wrong(
        "a loss that grows beyond all numbers",
        lambda: fit(one(), X * 1e25, Y),
        UserWarning,
        "one: the loss is inf in epoch 1. The data is finite, so the numbers grew too large on the "
        "way: scale the inputs and the labels, lower the learning rate, or give the optimizer "
        "clipnorm=1.0.",
    ),
    Wrong(
        "inputs that are not numbers",
        lambda: fit(one(), NAN, Y),
        UserWarning,
        "one: the loss is nan in epoch 1. The data holds numbers that are NaN or infinite: x holds 4 "
        "of 48. Fill them in, or leave these rows out.",
    ),
    Wrong(
        "labels that are missing",
        lambda: fit(two(), XX, {"price": np.where(Y > 0, np.nan, Y), "cut": CLASSES}),
        DataError,
        "two: the labels of 'price' are NaN in 6 of 12 rows, first in row 6. Fill them in. Where a label is "
        "missing, put any number that a label can be, and give its row a `sample_weight` of 0.",
    ),
    Wrong(
        "a loss that is not a number, with labels that a loss of one's own can't do without",
        lambda: fit(one(loss=lambda y_true, y_pred: (y_true - y_pred) ** 2), X, np.where(Y > 0, np.nan, Y)),
        UserWarning,
        "one: the loss is nan in epoch 1. The data holds numbers that are NaN or infinite: y holds 6 of 12. "
        "Fill them in, or leave these rows out.",
    ),
    Wrong(
        "nothing to train",
        lambda: fit(frozen(), X, Y),
        UserWarning,
        "one: there is nothing to train: no weight is trainable.",
    ),
    Wrong(
        "nothing to predict for",
        lambda: one().predict(None, verbose=0),
        DataError,
        "There is no data: x is None. Give arrays, a generator, or an iterable of batches.",
    ),
    Wrong(
        "a file for two outputs",
        lambda: two().predict(XX, verbose=0, out="outputs.npy"),
        ArgumentError,
        "predict: `out` must be the path of a file, or paths in the structure of the outputs, {'cut': "
        "float32[12, 3], 'price': float32[12, 1]}, but got 'outputs.npy'.",
    ),
    Wrong(
        "a loss that isn't reduced",
        lambda: fit(one(loss=plait.losses.MeanSquaredError(reduction="none")), X, Y),
        ArgumentError,
        "one: training needs a loss that is one number, but it is float32[12]. The loss of 'price' has "
        "reduction='none'. Use 'sum_over_batch_size', which is the mean, or 'sum'.",
    ),
    Wrong(
        "batches of outputs that don't fit together",
        lambda: any_length().predict((b for b in [np.ones((2, 3, 4)), np.ones((2, 5, 4))]), verbose=0),
        DataError,
        "predict: one batch gives rows of shape (3, 1), another of (5, 1), and one array can't hold both. Pad the "
        "batches to one size, or take the outputs batch by batch, from `predict_batches`.",
    ),
    Wrong(
        "a batch without data",
        lambda: one().train_on_batch(None),
        DataError,
        "There is no data: x is None.",
    ),
]


@pytest.mark.parametrize("wrong", TABLE, ids=lambda wrong: wrong.name)
def test_what_is_said_to_a_wrong_call(wrong):
    if issubclass(wrong.error, Warning):
        with pytest.warns(wrong.error) as told:
            wrong.call()
        assert str(told[0].message) == wrong.message
    else:
        with warnings.catch_warnings(), pytest.raises(wrong.error) as raised:
            wrong.call()
        assert type(raised.value) is wrong.error
        assert str(raised.value) == wrong.message


def test_weights_stay_after_a_wrong_call():
    model = two()
    fit(model, XX, YY)
    before = model.get_weights()
    with pytest.raises(ArgumentError):
        fit(model, XX, {"price": Y, "cutt": CLASSES})
    with pytest.raises(DataError):
        fit(model, {"measures": X}, YY)
    for mine, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    fit(model, XX, YY)
