"""Wrong calls, and what is said to them, word for word. Each text was read aloud once: plain sentences, which say who, what was
expected, what came, and what to do. `tests/unit/training/test_wrong_calls.py` has those of training.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import plait
from plait import layers, ops
from plait.errors import (
    ArgumentError,
    ArgumentTypeError,
    DataError,
    FileError,
    GraphError,
    NameUnknownError,
    ShapeError,
    StateError,
    SymbolicError,
)

X = np.ones((2, 4), "float32")


def built(layer):
    """A layer that has been called."""
    layer(X)
    return layer


def twice_quantised():
    """A layer is quantised, and again."""
    layer = built(layers.Dense(2, name="d"))
    layer.quantize("int8")
    layer.quantize("int8")


def stepped():
    """An optimizer of two variables."""
    optimizer = plait.optimizers.SGD(0.1, name="sgd")
    optimizer.build([plait.Variable(X), plait.Variable(X)])
    return optimizer


def model():
    """A small model."""
    x = plait.Input((4,), name="x")
    return plait.Model(x, layers.Dense(1, name="dense")(x), name="m")


def compiled():
    """The small model, compiled."""
    made = model()
    made.compile("sgd", "mse")
    return made


def dict_model():
    """A model with two inputs by name."""
    a, b = plait.Input((4,), name="a"), plait.Input((4,), name="b")
    return plait.Model({"a": a, "b": b}, layers.Add(name="sum")([a, b]), name="m")


class Wrong(NamedTuple):
    """A wrong call."""

    name: str
    call: Callable[[], Any]
    error: type[Exception]
    message: str


TABLE = [
    # --- layers
    Wrong(
        "Dense without units",
        lambda: layers.Dense(-1),
        ArgumentTypeError,
        "Dense: the argument `units` must be a positive integer, but got -1.",
    ),
    Wrong(
        "Dense with a fraction",
        lambda: layers.Dense(2.5),
        ArgumentTypeError,
        "Dense: the argument `units` must be a positive integer, but got 2.5.",
    ),
    Wrong(
        "an unknown argument of a layer",
        lambda: layers.Dense(2, activaton="relu"),
        ArgumentError,
        "Unrecognized keyword arguments passed to Dense: {'activaton': 'relu'}. Did you mean 'activation'? It"
        " accepts units, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, "
        "bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, lora_rank, lora_alpha, "
        "quantization_config, trainable, dtype, autocast, name.",
    ),
    Wrong(
        "an unknown activation",
        lambda: layers.Dense(2, activation="rellu"),
        NameUnknownError,
        "No activation is called 'rellu'. Did you mean 'relu'?",
    ),
    Wrong(
        "an activation of nobody's",
        lambda: layers.Dense(2, activation="mine"),
        NameUnknownError,
        "No activation is called 'mine'. Did you mean 'linear'?",
    ),
    Wrong(
        "an unknown initializer",
        lambda: layers.Dense(2, kernel_initializer="he_normall"),
        NameUnknownError,
        "No initializer is called 'he_normall'. Did you mean 'he_normal'?",
    ),
    Wrong(
        "a name with a slash",
        lambda: layers.Dense(2, name="a/b"),
        ArgumentError,
        "Dense: a name must be a string and cannot contain character `/`, but got 'a/b'.",
    ),
    Wrong(
        "a dict for one tensor",
        lambda: layers.Dense(2, name="d")({"a": X, "b": X}),
        ArgumentError,
        "Dense 'd': its first argument must be one tensor, but got {'a': float32[2, 4], 'b': float32[2, 4]}. "
        "Call it on one of them, or join them first, as Concatenate does.",
    ),
    Wrong(
        "a list for one tensor",
        lambda: layers.BatchNormalization(name="d")([X, X]),
        ArgumentError,
        "BatchNormalization 'd': its first argument must be one tensor, but got [float32[2, 4], float32[2, "
        "4]]. Call it on one of them, or join them first, as Concatenate does.",
    ),
    Wrong(
        "two tensors for a convolution",
        lambda: layers.Conv1D(2, 1, name="c")([X, X]),
        ShapeError,
        'Layer "c" takes 1 input tensor, but got 2: [float32[2, 4], float32[2, 4]].',
    ),
    Wrong(
        "numbers in a list",
        lambda: layers.Dense(2, name="d")([1.0, 2.0]),
        ArgumentError,
        "Dense 'd': Only input tensors may be passed as positional arguments, but got 1.0. Make arrays o"
        "f lists of numbers, and pass anything else by keyword.",
    ),
    Wrong(
        "an input of another rank",
        lambda: layers.LSTM(2, name="r")(X),
        ShapeError,
        'Input 0 of layer "r" is incompatible with the layer: expected ndim=3, found ndim=2. Full shape '
        "received: (2, 4).",
    ),
    Wrong(
        "an input of another size",
        lambda: built(layers.Dense(2, name="d"))(np.ones((2, 7), "float32")),
        ShapeError,
        'Input 0 of layer "d" is incompatible with the layer: expected axis -1 of input shape to have value '
        "4, but received input with shape (2, 7).",
    ),
    Wrong(
        "an unknown last axis",
        lambda: layers.Dense(2, name="d")(plait.Input((None,))),
        ShapeError,
        "Dense 'd': the last axis of the input must be known, but got shape (None, None). Give "
        "Input(shape=(...)) a number there.",
    ),
    Wrong(
        "a rate above 1",
        lambda: layers.Dropout(1.5),
        ArgumentError,
        "Dropout: Invalid value received for argument `rate`: Expected a float value between 0 and 1, but got 1.5.",
    ),
    Wrong(
        "a noise shape in words",
        lambda: layers.Dropout(0.5, noise_shape="2"),
        ArgumentError,
        "Dropout: Invalid value received for argument `noise_shape`: Expected a tuple or list of integer"
        "s or None, but got '2'.",
    ),
    Wrong(
        "a negative slope",
        lambda: layers.LeakyReLU(negative_slope=-1.0),
        ArgumentError,
        "The negative_slope value of a Leaky ReLU layer cannot be None or a negative value, but got -1.0.",
    ),
    Wrong(
        "padding of another kind",
        lambda: layers.Conv2D(2, 3, padding="sam"),
        NameUnknownError,
        "Conv2D: The `padding` argument must be one of 'valid', 'same', but got 'sam'. Did you mean 'same'?",
    ),
    Wrong(
        "strides and dilation",
        lambda: layers.Conv2D(2, 3, strides=2, dilation_rate=2),
        ArgumentError,
        "Conv2D: `strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: strides=(2, 2) and "
        "dilation_rate=(2, 2).",
    ),
    Wrong(
        "groups that don't divide",
        lambda: layers.Conv2D(3, 3, groups=2),
        ArgumentError,
        "Conv2D: The number of filters must be evenly divisible by the number of groups. Received: groups=2, filters=3.",
    ),
    Wrong(
        "a window that is too large",
        lambda: layers.Conv1D(2, 9, name="c")(np.ones((1, 4, 3), "float32")),
        ShapeError,
        "Conv1D 'c': Computed output size would be zero or negative: the windows reach over (9,), for wh"
        "ich the inputs are too small: float32[1, 4, 3]. Give larger inputs, or padding='same'.",
    ),
    Wrong(
        "cropping that leaves nothing",
        lambda: layers.Cropping1D((2, 3), name="c")(np.ones((1, 4, 3), "float32")),
        ShapeError,
        "Cropping1D 'c': `cropping` parameter of `Cropping1D` layer must be smaller than the axis, but 2"
        " and 3 are cut from an axis of size 4.",
    ),
    Wrong(
        "a permutation without 1",
        lambda: layers.Permute((0, 2)),
        ArgumentError,
        "Permute: Invalid permutation argument `dims`, which must hold each number from 1 to the number "
        "of axes once, without the batch axis, but got (0, 2).",
    ),
    Wrong(
        "a shape of another size",
        lambda: layers.Reshape((3, 3), name="s")(X),
        ShapeError,
        "Reshape 's': The total size of the tensor must be unchanged, but got input_shape=(4,), "
        "target_shape=(3, 3), which have 4 and 9 elements.",
    ),
    Wrong(
        "groups of channels",
        lambda: layers.GroupNormalization(3, name="g")(np.ones((2, 4), "float32")),
        ShapeError,
        "GroupNormalization 'g': the number of channels must be a multiple of groups=3, but the input has 4 channels.",
    ),
    Wrong(
        "one tensor to add",
        lambda: layers.Add(name="a")(X),
        ShapeError,
        "Add 'a': it takes a list of one or more tensors, but got the shape (2, 4). Put the tensors into a list.",
    ),
    Wrong(
        "shapes that don't concatenate",
        lambda: layers.Concatenate(name="c")([X, np.ones((3, 4), "float32")]),
        ShapeError,
        "Concatenate 'c': A `Concatenate` layer requires inputs with matching shapes except for the "
        "concatenation axis -1, but got input_shape=[(2, 4), (3, 4)].",
    ),
    Wrong(
        "three tensors to subtract",
        lambda: layers.Subtract(name="s")([X, X, X]),
        ShapeError,
        "Subtract 's': this layer should be called on exactly 2 inputs, but got the shapes [(2, 4), (2, 4), (2, 4)].",
    ),
    Wrong(
        "ids beyond the table",
        lambda: layers.Embedding(4, 2, name="e")(np.array([[1, 9]])),
        DataError,
        "Embedding 'e': 1 of 2 ids are no rows of the table of Embedding 'e', which go from 0 to 3; the first"
        " is 9, at [0, 1]. Give the Embedding a larger `input_dim`, or number the ids anew.",
    ),
    Wrong(
        "a mask of another length",
        lambda: layers.LSTM(2, name="r")(np.ones((2, 5, 4), "float32"), mask=np.ones((2, 4), bool)),
        ShapeError,
        "LSTM 'r': the mask must have the first two axes (B, T) of the sequences, which are float32[2, 5, 4],"
        " but got bool[2, 4]. Cut or pad the mask as the sequences were.",
    ),
    Wrong(
        "one layer that goes forward twice",
        lambda: layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2)),
        ArgumentError,
        "Bidirectional: one of the two layers must have go_backwards=True, and the other False, but both have False.",
    ),
    Wrong(
        "no layer to wrap",
        lambda: layers.TimeDistributed("dense"),
        ArgumentError,
        "Layer 'dense' supplied to TimeDistributed isn't a supported layer type. Please ensure wrapped l"
        "ayer is a valid Keras layer.",
    ),
    Wrong(
        "an unknown merge mode",
        lambda: layers.Bidirectional(layers.LSTM(2), merge_mode="add"),
        ArgumentError,
        "Bidirectional: `merge_mode` must be 'sum', 'mul', 'ave', 'concat' or None, but got 'add'.",
    ),
    Wrong(
        "an axis in words",
        lambda: layers.LayerNormalization(axis="last"),
        ArgumentTypeError,
        "LayerNormalization: Expected an int or a list/tuple of ints for the argument 'axis', but got 'last'.",
    ),
    Wrong(
        "query without value",
        lambda: layers.Attention()([X]),
        ArgumentError,
        "Attention layer takes inputs in a list of length 2 or 3, [query, value] or [query, value, key], but got 1.",
    ),
    Wrong(
        "an equation of nothing",
        lambda: layers.EinsumDense("abc", 2)(X),
        ArgumentError,
        "EinsumDense: Invalid einsum equation 'abc'. Equations must be in the form [X],[Y]->[Z], "
        "...[X],[Y]->...[Z], or [X]...,[Y]->[Z]....",
    ),
    Wrong(
        "a layer without `call`",
        lambda: layers.Layer()(X),
        NotImplementedError,
        "Layer Layer does not have a `call` method implemented.",
    ),
    Wrong(
        "a vocabulary twice",
        lambda: layers.StringLookup(vocabulary=["a", "b", "a"]),
        ArgumentError,
        "The passed vocabulary has at least one repeated term: 'a'. Each must occur once.",
    ),
    Wrong(
        "an empty vocabulary",
        lambda: layers.StringLookup(vocabulary=[]),
        ArgumentError,
        "A vocabulary must have a term, but got [].",
    ),
    Wrong(
        "no tokens",
        lambda: layers.CategoryEncoding(num_tokens=0),
        ArgumentError,
        "CategoryEncoding: `num_tokens` must be >= 1, but got num_tokens=0.",
    ),
    Wrong(
        "bins twice",
        lambda: layers.Discretization(num_bins=3, bin_boundaries=[1.0]),
        ArgumentError,
        "Discretization: Both `num_bins` and `bin_boundaries` were given, 3 and [1.0]. Give one of them.",
    ),
    Wrong(
        "a mean alone",
        lambda: layers.Normalization(mean=1.0),
        ArgumentError,
        "Normalization: When setting values directly, both `mean` and `variance` must be set, but got "
        "mean=1.0 and variance=None.",
    ),
    Wrong(
        "weights before the build",
        lambda: layers.Dense(2, name="d").count_params(),
        StateError,
        "You tried to call `count_params` on layer 'd', but the layer isn't built. Build it manually via: "
        "`layer.build(input_shape)`, or call it.",
    ),
    Wrong(
        "weights of another number",
        lambda: built(layers.Dense(2, name="d")).set_weights([X]),
        ArgumentError,
        "Layer 'd': `set_weights` needs 2 arrays, but got 1. They are for ['d/kernel (4, 2)', 'd/bias (2,)'].",
    ),
    Wrong(
        "LoRA before the build",
        lambda: layers.Dense(2, name="d").enable_lora(2),
        StateError,
        "Dense 'd': Cannot enable lora on a layer that isn't yet built. Call `build`, or call it on data, first.",
    ),
    Wrong(
        "quantised twice",
        lambda: twice_quantised(),
        StateError,
        "Layer 'd' (of type 'Dense') is already quantized with dtype_policy='int8_from_float32', so it c"
        "an't be quantized with mode='int8'.",
    ),
    # --- ops
    Wrong(
        "shapes that don't multiply",
        lambda: ops.matmul(X, X),
        ArgumentTypeError,
        "matmul, called on float32[2, 4], float32[2, 4]: dot_general requires contracting dimensions to have "
        "the same shape, got (4,) and (2,).",
    ),
    Wrong(
        "shapes that don't add",
        lambda: ops.add(X, np.ones((2, 3), "float32")),
        ArgumentTypeError,
        "add, called on float32[2, 4], float32[2, 3]: add got incompatible shapes for broadcasting: (2, 4), (2, 3).",
    ),
    Wrong(
        "symbolic shapes that don't add",
        lambda: plait.Input((4,)) + plait.Input((3,)),
        ArgumentTypeError,
        "add, called on float32[None, 4], float32[None, 3]: add got incompatible shapes for broadcasting: "
        "(96, 4), (96, 3).",
    ),
    Wrong(
        "an axis that isn't there",
        lambda: ops.sum(X, axis=4),
        ArgumentError,
        "sum, called on float32[2, 4], 4: axis 4 is out of bounds for array of dimension 2.",
    ),
    Wrong(
        "a symbolic axis that isn't there",
        lambda: ops.sum(plait.Input((4,)), axis=4),
        ArgumentError,
        "sum, called on float32[None, 4]: axis 4 is out of bounds for array of dimension 2.",
    ),
    Wrong(
        "parts that don't concatenate",
        lambda: ops.concatenate([X, np.ones((2, 3), "float32")], axis=0),
        ArgumentTypeError,
        "concatenate, called on [float32[2, 4], float32[2, 3]], 0: Cannot concatenate arrays with shapes that"
        " differ in dimensions other than the one being concatenated: concatenating along dimension 0 for "
        "shapes (2, 4), (2, 3).",
    ),
    Wrong(
        "another size",
        lambda: ops.reshape(X, (3, 3)),
        ArgumentTypeError,
        "reshape, called on float32[2, 4], tuple (3, 3): cannot reshape array of shape (2, 4) (size 8) into "
        "shape (3, 3) (size 9).",
    ),
    Wrong(
        "axes that aren't a permutation",
        lambda: ops.transpose(X, axes=(0, 0)),
        ShapeError,
        "transpose: `axes` must name each axis of float32[2, 4] once, by numbers from -2 to 1, but got (0, 0).",
    ),
    Wrong(
        "letters of two sizes",
        lambda: ops.einsum("ab,bc->ac", X, X),
        ArgumentError,
        "einsum, called on 'ab,bc->ac', float32[2, 4], float32[2, 4]: Size of label 'b' for operand 1 (4) "
        "does not match previous terms (2).",
    ),
    Wrong(
        "text",
        lambda: ops.relu("text"),
        ArgumentTypeError,
        "relu, called on 'text': Dtype <U4 is not a valid JAX array type. Only arrays of numeric types are "
        "supported by JAX.",
    ),
    Wrong(
        "a dtype of nobody's",
        lambda: ops.cast(X, "float31"),
        NameUnknownError,
        "No dtype is called 'float31'. Did you mean 'float32'? plait knows bfloat16, float16, float32, "
        "float64, float8_e4m3fn, float8_e5m2, uint8, uint16, uint32, uint64, int8, int16, int32, int64, "
        "complex64, complex128, bool, string.",
    ),
    Wrong(
        "a cast to text",
        lambda: ops.cast(X, "string"),
        ArgumentError,
        "cast: cannot cast to 'string'; strings live on the host.",
    ),
    Wrong(
        "an index outside",
        lambda: plait.Input((4,))[:, 7],
        ShapeError,
        "get_item: the index 7 is out of bounds for an axis of size 4, of float32[None, 4].",
    ),
    Wrong(
        "a symbolic tensor as a number",
        lambda: float(plait.Input((4,))),
        SymbolicError,
        "KerasTensor 'keras_tensor' (float32[None, 4]) is symbolic and doesn't have any actual numerical value yet, so it cannot be used"
        " as a Python float. Use plait.ops.cast.",
    ),
    Wrong(
        "a symbolic tensor in an `if`",
        lambda: bool(plait.Input((4,)) > 0),
        SymbolicError,
        "KerasTensor 'keras_tensor_1' (bool[None, 4]) is symbolic and doesn't have any actual numerical value yet, so it cannot be used "
        "as a boolean. It was, in a Python `if`, `while` or `and`. Use plait.ops.where or plait.ops.cond.",
    ),
    Wrong(
        "a symbolic tensor for NumPy",
        lambda: np.asarray(plait.Input((4,))),
        SymbolicError,
        "KerasTensor 'keras_tensor' (float32[None, 4]) is symbolic and doesn't have any actual numerical value yet, so it cannot be used"
        " by NumPy. Use the function of the same name in plait.ops, or do it in a layer's `call`.",
    ),
    Wrong(
        "channels of another number",
        lambda: ops.conv(np.ones((1, 8, 3), "float32"), np.ones((2, 4, 5), "float32")),
        ShapeError,
        "conv: The number of input channels must match the kernel's 4, or be a multiple of it, but got inputs"
        " float32[1, 8, 3] and a kernel float32[2, 4, 5].",
    ),
    Wrong(
        "half of where",
        lambda: ops.where(X > 0, X),
        ArgumentError,
        "where: `x1` and `x2` go together, but one of them is None.",
    ),
    Wrong(
        "an uneven glu",
        lambda: ops.glu(np.ones((2, 3), "float32")),
        ArgumentError,
        "glu: the axis -1 must have an even size to be halved, but the shape is (2, 3).",
    ),
    # --- losses and metrics
    Wrong(
        "a loss of nobody's",
        lambda: plait.losses.get("mze"),
        NameUnknownError,
        "No loss is called 'mze'. Did you mean 'mse'?",
    ),
    Wrong(
        "a number for a loss",
        lambda: plait.losses.get(3),
        ArgumentError,
        "A loss must be a name, a config, a class, a function or None, but got 3.",
    ),
    Wrong(
        "an unknown reduction",
        lambda: plait.losses.MeanSquaredError(reduction="average"),
        NameUnknownError,
        "Invalid value for argument `reduction`: expected 'sum_over_batch_size', 'sum', 'mean', "
        "'mean_with_sample_weight', 'none', None, but got 'average'.",
    ),
    Wrong(
        "labels of another shape",
        lambda: plait.losses.CategoricalCrossentropy()(np.ones((2, 3)), np.ones((2, 4))),
        ShapeError,
        "Labels and outputs must have the same shape, but got float32[2, 3] and float32[2, 4].",
    ),
    Wrong(
        "class numbers for one-hot labels",
        lambda: plait.losses.CategoricalCrossentropy()(np.array([0, 1]), np.ones((2, 3))),
        ShapeError,
        "Labels and outputs must have the same shape, but got float32[2] and float32[2, 3]. Class numbers are"
        " for sparse_categorical_crossentropy.",
    ),
    Wrong(
        "q above 1",
        lambda: plait.losses.CategoricalGeneralizedCrossEntropy(q=2),
        ArgumentError,
        "CategoricalGeneralizedCrossEntropy: q must be between 0 and 1, but got 2.",
    ),
    Wrong(
        "weights of another shape",
        lambda: plait.losses.MeanSquaredError()(np.ones((2, 3)), np.ones((2, 3)), sample_weight=np.ones(5)),
        ShapeError,
        "Weights and masks must have the shape of the values that they weigh, float32[2], or of its leading "
        "axes, but got float32[5].",
    ),
    Wrong(
        "a metric of nobody's",
        lambda: plait.metrics.get("acuracy"),
        NameUnknownError,
        "No metric is called 'acuracy'. Did you mean 'accuracy'?",
    ),
    Wrong(
        "a threshold above 1",
        lambda: plait.metrics.Precision(thresholds=2.0),
        ArgumentError,
        "Threshold values must be in [0, 1]. Received: [2.0].",
    ),
    Wrong(
        "no thresholds",
        lambda: plait.metrics.AUC(num_thresholds=1),
        ArgumentError,
        "Argument `num_thresholds` must be an integer > 1, but got num_thresholds=1.",
    ),
    Wrong(
        "a curve of nobody's",
        lambda: plait.metrics.AUC(curve="ROCK"),
        NameUnknownError,
        "Invalid AUC curve value: \"ROCK\". Expected one of 'ROC', 'PR', 'PRGAIN'. Did you mean 'ROC'?",
    ),
    Wrong(
        "no classes",
        lambda: plait.metrics.MeanIoU(num_classes=0),
        ArgumentError,
        "MeanIoU: `num_classes` must be a positive integer, but got num_classes=0.",
    ),
    Wrong(
        "a class that isn't there",
        lambda: plait.metrics.IoU(num_classes=2, target_class_ids=[2]),
        ArgumentError,
        "IoU: `target_class_ids` must be from 0 to 1, but got 2.",
    ),
    Wrong(
        "beta of 0",
        lambda: plait.metrics.FBetaScore(beta=0.0),
        ArgumentError,
        "Invalid `beta` argument value. It should be > 0. Received: beta=0.0.",
    ),
    # --- optimizers, initializers and the like
    Wrong(
        "an optimizer of nobody's",
        lambda: plait.optimizers.get("adamm"),
        NameUnknownError,
        "No optimizer is called 'adamm'. Did you mean 'adam'?",
    ),
    Wrong(
        "a number for an optimizer",
        lambda: plait.optimizers.get(0.1),
        ArgumentError,
        "An optimizer must be a name, a config, an optimizer or an Optax transformation, but got 0.1.",
    ),
    Wrong(
        "a rate without a point",
        lambda: plait.optimizers.SGD(learning_rate=1),
        ArgumentError,
        "SGD: `learning_rate` must be a float, a LearningRateSchedule, or a function without arguments that "
        "returns the rate, but got 1. Write it with a decimal point.",
    ),
    Wrong(
        "two ways to clip",
        lambda: plait.optimizers.SGD(clipnorm=1.0, clipvalue=1.0),
        ArgumentError,
        "SGD: Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set, but got {'clipnorm': 1.0,"
        " 'clipvalue': 1.0, 'global_clipnorm': None}.",
    ),
    Wrong(
        "names in compile before the outputs are known",
        lambda: plait.Sequential([plait.layers.Dense(1)], name="m").compile("sgd", "mes", metrics=["acuracy"]),
        ArgumentError,
        "m.compile: 2 problems\n  - `loss`: No loss is called 'mes'. Did you mean 'mse'?\n  - `metrics`: No metric is called "
        "'acuracy'. Did you mean 'accuracy'?",
    ),
    Wrong(
        "sample weights in a list",
        lambda: compiled().fit(np.ones((2, 4)), np.ones(2), sample_weight=list(np.ones(2)), verbose=0),
        DataError,
        "Data must be arrays with a row for each sample, but sample_weight/0 is a single number. Lists of numbers are not data: "
        "make sample_weight an array first, with np.array(...).",
    ),
    Wrong(
        "Lion without beta",
        lambda: plait.optimizers.Lion(beta_1=0.0),
        ArgumentError,
        "Lion: Argument `beta_1` must be in the [0, 1] range. Otherwise, the optimizer degenerates to SignSGD. "
        "Received: beta_1=0.0. 0 itself is excluded.",
    ),
    Wrong(
        "AdamW without decay",
        lambda: plait.optimizers.AdamW(weight_decay=None),
        ArgumentError,
        "AdamW: Argument `weight_decay` must be a float. Received: weight_decay=None. Without it, use Adam.",
    ),
    Wrong(
        "steps of a schedule",
        lambda: plait.optimizers.schedules.ExponentialDecay(0.1, decay_steps=0, decay_rate=0.9),
        ArgumentError,
        "ExponentialDecay: Argument `decay_steps` must be > 0, but got 0.",
    ),
    Wrong(
        "boundaries and values",
        lambda: plait.optimizers.schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]),
        ArgumentError,
        "PiecewiseConstantDecay: the length of boundaries should be 1 less than the length of values, but got"
        " 2 boundaries [1, 2] and 2 values [0.1, 0.2].",
    ),
    Wrong(
        "too few gradients",
        lambda: stepped().apply([X]),
        ShapeError,
        "SGD 'sgd': `grads` must be a gradient for each of the 2 trainable variables, but got 1.",
    ),
    Wrong(
        "a scale of 0",
        lambda: plait.initializers.VarianceScaling(scale=0.0),
        ArgumentError,
        "VarianceScaling: Argument `scale` must be positive float. Received: scale=0.0.",
    ),
    Wrong(
        "an unknown mode",
        lambda: plait.initializers.VarianceScaling(mode="fan"),
        NameUnknownError,
        "VarianceScaling: Invalid `mode` argument: 'fan'. Expected one of 'fan_in', 'fan_out', 'fan_avg'. Did you mean 'fan_in'?",
    ),
    Wrong(
        "no matrix",
        lambda: plait.initializers.Identity()((2, 2, 2)),
        ShapeError,
        "Identity: only matrices have an identity, but got shape=(2, 2, 2). Give two sizes.",
    ),
    Wrong(
        "a negative penalty",
        lambda: plait.regularizers.L2(-1.0),
        ArgumentError,
        "L2: `l2` must be a number from 0 up, but got -1.0.",
    ),
    Wrong(
        "a policy of nobody's",
        lambda: plait.dtype_policies.get("mixed_float31"),
        NameUnknownError,
        "Cannot convert 'mixed_float31' to a dtype policy. Did you mean 'mixed_float16'? Give a dtype's name, "
        "'mixed_float16' or 'mixed_bfloat16'.",
    ),
    # --- models
    Wrong(
        "two layers of one name",
        lambda: plait.Sequential([layers.Dense(2, name="d"), layers.Dense(2, name="d")]),
        GraphError,
        "Sequential 'sequential': All layers added should have unique names, but there is a layer called 'd' already. Give "
        "this one another name.",
    ),
    Wrong(
        "a function in a Sequential",
        lambda: plait.Sequential([abs]),
        ArgumentError,
        "Sequential 'sequential': Only instances of `keras.Layer` can be added, but got the function "
        "builtin_function_or_method <built-in function abs>. Put it into a Lambda layer, or make it an op "
        "with @plait.op.",
    ),
    Wrong(
        "a layer that isn't there",
        lambda: model().get_layer("dence"),
        ArgumentError,
        "No such layer: dence. Existing layers are: 'x', 'dense'. Did you mean 'dense'?",
    ),
    Wrong(
        "a layer by a number that isn't there",
        lambda: model().get_layer(index=9),
        ArgumentError,
        "m.get_layer: there is no layer 9, because the model has 2 layers, counted from 0.",
    ),
    Wrong(
        "inputs alone",
        lambda: plait.Model(plait.Input((4,))),
        ArgumentError,
        "Model: `inputs` and `outputs` go together; a subclass that defines `call` gives neither.",
    ),
    Wrong(
        "training before compile",
        lambda: plait.Sequential([plait.Input((4,)), layers.Dense(1)]).fit(X, X),
        StateError,
        "Model 'sequential': You must call `compile()` before using the model. Give it an optimizer and a loss.",
    ),
    Wrong(
        "dict inputs by position",
        lambda: dict_model()((X, X, X)),
        DataError,
        "m expects 2 inputs, 'a', 'b', but got 3 tensors: (float32[2, 4], float32[2, 4], float32[2, 4]).",
    ),
    Wrong(
        "a missing input",
        lambda: dict_model()({"a": X}),
        DataError,
        "m has the inputs 'a', 'b', but got a dict with the keys 'a': Missing data for input 'b'.",
    ),
    Wrong(
        "both shapes",
        lambda: plait.Input((4,), batch_shape=(2, 4)),
        ArgumentError,
        "Input 'input_layer': You cannot pass both `shape` and `batch_shape` at the same time.",
    ),
    Wrong(
        "a shape in a number",
        lambda: plait.Input(4),
        ArgumentError,
        "A shape must be a tuple or list of sizes, but got 4. Did you mean (4,)?",
    ),
    Wrong(
        "both weights",
        lambda: compiled().fit(X, X[:, :1], sample_weight=np.ones(2), class_weight={0: 1.0}),
        ArgumentError,
        "fit: `class_weight` and `sample_weight` can't be given together. Multiply them into one "
        "`sample_weight`, or give `sample_weight` as a dict by output.",
    ),
    Wrong(
        "four parts of a batch",
        lambda: compiled().fit(iter([(X, X, X, X)]), steps_per_epoch=1, verbose=0),
        DataError,
        "A batch must be `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`, but got (float32[2, 4], float32[2,"
        " 4], float32[2, 4], float32[2, 4]).",
    ),
    Wrong(
        "a file of another kind",
        lambda: model().save("model.zip"),
        FileError,
        "Invalid filepath extension for saving: 'model.zip'. plait reads and writes `.keras` files (whole "
        "models) and `.weights.h5` files (weights alone).",
    ),
    Wrong(
        "weights of another kind",
        lambda: model().save_weights("weights.zip"),
        FileError,
        "The filename must end in `.weights.h5` (or `.safetensors`; or `.h5` for the layout of Keras 2), but got "
        "'weights.zip'. model.save writes whole models.",
    ),
]


@pytest.mark.parametrize("wrong", TABLE, ids=lambda wrong: wrong.name)
def test_what_is_said_to_a_wrong_call(wrong):
    with warnings.catch_warnings(), pytest.raises(wrong.error) as raised:
        warnings.simplefilter("ignore")
        wrong.call()
    assert type(raised.value) is wrong.error
    assert str(raised.value) == wrong.message


def test_there_are_as_many_as_are_promised():
    assert len(TABLE) >= 100
