"""`keras.backend` as it was before Keras 3: functions of tensors, under their names and arguments of then.

They work on arrays, in layers that are traced, and most of them on symbolic tensors, because they are plait's ops. `function` and
`gradients` make models of the graph between symbolic tensors.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait import activations, layers, losses, ops, random
from plait.common.dtypes import dtype_name
from plait.common.settings import settings
from plait.common.tree import flatten
from plait.compat.tensorflow_calls import plain, sizes
from plait.compat.tensorflow_math import l2_normalize
from plait.compat.tensorflow_variable import Variable
from plait.core.op import op
from plait.core.variable import Variable as PlaitVariable
from plait.errors import ArgumentError, MissingError
from plait.models import Model

# ---------------------------------------------------------------------------- graphs


def function(inputs: Any, outputs: Any, updates: Any = None, name: str | None = None, **_: Any) -> Callable:
    """A function from values of symbolic tensors to those of others, as lists of NumPy arrays."""
    tensors = [tensor for tensor in inputs if hasattr(tensor, "record_history")]  # without a learning phase
    single = not isinstance(outputs, (list, tuple))
    model = Model(tensors, [outputs] if single else list(outputs))

    def call(values: Any) -> Any:
        values = list(values)[: len(tensors)] if isinstance(values, (list, tuple)) else [values]
        found = model(values[0] if len(values) == 1 else values, training=False)
        arrays = [np.asarray(value) for value in flatten(found)]
        return arrays[0] if single else arrays

    return call


def gradients(loss: Any, variables: Any) -> list:
    """The gradients of a symbolic tensor with respect to others that it comes from, as symbolic tensors."""
    return [_gradient(loss, one) for one in (variables if isinstance(variables, (list, tuple)) else [variables])]


def _gradient(loss: Any, variable: Any) -> Any:
    if not hasattr(variable, "record_history"):
        raise ArgumentError(
            "keras.backend.gradients: gradients are for symbolic tensors here. For weights use tf.GradientTape, or jax.grad of "
            "plait.functional(model)."
        )
    model = Model(variable, loss)
    derive = jax.grad(lambda x: jnp.sum(model(x)))
    shape = tuple(variable.shape[1:])
    return layers.Lambda(lambda x: derive(x), output_shape=shape)(variable)


def placeholder(
    shape: Any = None,
    ndim: int | None = None,
    dtype: Any = None,
    sparse: bool = False,
    name: Any = None,
    ragged: Any = None,
) -> Any:
    """A symbolic tensor."""
    shape = (None,) * (ndim or 0) if shape is None else tuple(shape)
    return layers.Input(batch_shape=shape, dtype=dtype or settings().floatx, name=name)


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Any:
    """A variable."""
    made = Variable(np.asarray(value, dtype or settings().floatx), name=name)
    made.constraint = constraint
    return made


def _variable_of(make: Callable) -> Callable:
    def of(shape: Any, dtype: Any = None, name: str | None = None) -> Any:
        """A variable of one value."""
        return variable(np.asarray(make(sizes(shape))), dtype, name)

    return of


def set_value(x: Any, value: Any) -> None:
    """Assigns a value to a variable."""
    x.assign(value)


def get_value(x: Any) -> Any:
    """The value as an array of NumPy."""
    return np.asarray(x)[()]


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """x in training, else alt; either may be a function."""
    chosen = x if training else alt
    return chosen() if callable(chosen) else chosen


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One of two tensors, element by element or row by row; either may be a function."""
    then: Any = then_expression() if callable(then_expression) else then_expression
    other: Any = else_expression() if callable(else_expression) else else_expression
    missing = len(then.shape) - len(getattr(condition, "shape", ()))
    condition = (
        ops.reshape(condition, (*condition.shape, *(1,) * missing))
        if missing > 0 and missing < len(then.shape)
        else condition
    )
    return ops.where(condition, then, other)


# ---------------------------------------------------------------------------- maths


def _reduction(name: str) -> Callable:
    def reduce(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """The values along axes as one."""
        x = _value(x)
        x = ops.cast(x, settings().floatx) if name in ("mean", "std", "var") and str(x.dtype) == "bool" else x
        return function(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)

    function = getattr(ops, name)
    return reduce


def _value(x: Any) -> Any:
    if isinstance(x, SymbolicShape):
        return sizes_of(x.tensor)
    return x.value if isinstance(x, PlaitVariable) else x if hasattr(x, "shape") else ops.convert_to_tensor(x)


def dot(x: Any, y: Any) -> Any:
    """The product: the last axis of x with the last but one of y."""
    x, y = _value(x), _value(y)
    if len(x.shape) <= 2 and len(y.shape) <= 2:
        return ops.matmul(x, y)
    return ops.tensordot(x, y, axes=[[len(x.shape) - 1], [max(len(y.shape) - 2, 0)]])


def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """The products of the rows of two batches, over an axis of each."""
    if axes is None:
        axes = [len(x.shape) - 1, 1 if len(y.shape) == 2 else len(y.shape) - 2]
    axes = [axes, axes] if isinstance(axes, int) else list(axes)
    return layers.Dot(axes)([x, y])


def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """The values within bounds."""
    return ops.clip(x, -jnp.inf if min_value is None else min_value, jnp.inf if max_value is None else max_value)


def relu(x: Any, alpha: float = 0.0, max_value: Any = None, threshold: float = 0.0) -> Any:
    """The values above a threshold; those below times `alpha`."""
    return activations.relu(x, negative_slope=alpha, max_value=max_value, threshold=threshold)


def dropout(x: Any, level: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Some values as 0, the others as much larger."""
    return random.dropout(x, level, noise_shape, seed)


def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Draws from a normal distribution."""
    return random.normal(_shape(shape), mean, stddev, dtype, seed)


def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Draws between two bounds."""
    return random.uniform(_shape(shape), minval, maxval, dtype, seed)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Draws from a normal distribution, none further than two standard deviations away."""
    return random.truncated_normal(_shape(shape), mean, stddev, dtype, seed)


def random_bernoulli(shape: Any, p: float = 0.0, dtype: Any = None, seed: Any = None) -> Any:
    """Ones with a probability, else zeros."""
    return random.binomial(_shape(shape), 1, p, dtype, seed)


def _shape(shape: Any) -> tuple:
    return tuple(shape) if isinstance(shape, (list, tuple)) else sizes(shape)


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """The cross-entropy of distributions."""
    return losses.categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


# ---------------------------------------------------------------------------- shapes


def int_shape(x: Any) -> tuple:
    """The sizes, None where unknown."""
    return tuple(x.shape)


class SymbolicShape(tuple):
    """The sizes of a symbolic tensor, None where unknown; maths on them makes a symbolic tensor of the sizes."""

    tensor: Any


@op(module="backend")
def sizes_of(x: Any) -> Any:
    """The sizes of a tensor, as int32 (rank,)."""
    return jnp.asarray(x.shape, "int32")


def shape(x: Any) -> Any:
    """The sizes."""
    found = ops.shape(x)
    if None in found:
        found = SymbolicShape(found)
        found.tensor = x
    return found


def flatten_all(x: Any) -> Any:
    """The values in one axis."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Any) -> Any:
    """The values of each row in one axis."""
    rest = tuple(x.shape[1:])
    return ops.reshape(x, (-1, int(np.prod(rest)) if None not in rest else -1))


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each value several times in a row along an axis."""
    return ops.repeat(x, rep, axis)


def repeat(x: Any, n: int) -> Any:
    """Rows (B, D) several times: (B, n, D)."""
    return ops.tile(ops.expand_dims(x, 1), (1, n, 1))


def resize_images(
    x: Any, height_factor: int, width_factor: int, data_format: str = "channels_last", interpolation: str = "nearest"
) -> Any:
    """Pictures so many times as large."""
    return layers.UpSampling2D((height_factor, width_factor), data_format, interpolation)(x)


def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: Any = None) -> Any:
    """Pictures with zeros around."""
    return layers.ZeroPadding2D(padding, data_format)(x)


def temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    """Sequences with zeros before and after."""
    return layers.ZeroPadding1D(padding)(x)


def conv(
    x: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1
) -> Any:
    """A convolution."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def pool2d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: Any = None,
    pool_mode: str = "max",
) -> Any:
    """The largest value, or the mean, of each window."""
    pool = ops.max_pool if pool_mode == "max" else ops.average_pool
    return pool(x, pool_size, strides, padding, data_format)


def bias_add(x: Any, bias: Any, data_format: Any = None) -> Any:
    """A number added to each channel."""
    if data_format == "channels_first":
        return x + ops.reshape(bias, (1, -1) + (1,) * (len(x.shape) - 2))
    return x + bias


# ---------------------------------------------------------------------------- sequences


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """The loss of connectionist temporal classification, (B, 1); the last class is the blank."""
    y_pred = ops.convert_to_tensor(y_pred)
    logits = ops.log(y_pred + settings().epsilon)
    lengths = [ops.cast(ops.reshape(length, (-1,)), "int32") for length in (label_length, input_length)]
    found = ops.ctc_loss(ops.cast(y_true, "int32"), logits, *lengths, mask_index=y_pred.shape[-1] - 1)
    return ops.expand_dims(found, 1)


def ctc_decode(
    y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list, Any]:
    """Likely labels, filled up with -1, and how likely they are."""
    y_pred = ops.convert_to_tensor(y_pred)
    logits = ops.log(y_pred + settings().epsilon)
    lengths, blank = ops.cast(ops.reshape(input_length, (-1,)), "int32"), y_pred.shape[-1] - 1
    found, scores = ops.ctc_decode(
        logits, lengths, "greedy" if greedy else "beam_search", beam_width, 1 if greedy else top_paths, mask_index=blank
    )
    return list(found), scores


def refuse(name: str) -> Callable:
    """A function that says what to use instead."""

    def call(*_: Any, **options: Any) -> Any:
        raise MissingError(
            f"plait has no keras.backend.{name}. plait.ops and jax.numpy have most of what tensors need."
        )

    return call


def _nothing(*_: Any, **options: Any) -> None:
    """Nothing to do."""


OLD_BACKEND: dict[str, Any] = {
    **{
        name: plain(name)
        for name in "abs cos elu equal exp floor greater greater_equal less less_equal log maximum minimum "
        "not_equal ones_like round sigmoid sign sin softmax softplus softsign sqrt square stop_gradient tanh zeros_like".split()
    },
    **{name: _reduction(name) for name in "all any max mean min prod std sum var logsumexp".split()},
    **{name: refuse(name) for name in "rnn ctc_label_dense_to_sparse local_conv local_conv1d local_conv2d".split()},
    "Variable": Variable,
    "arange": lambda start, stop=None, step=1, dtype="int32": ops.arange(start, stop, step, dtype),
    "argmax": lambda x, axis=-1: ops.argmax(x, axis),
    "argmin": lambda x, axis=-1: ops.argmin(x, axis),
    "batch_dot": batch_dot,
    "batch_flatten": batch_flatten,
    "batch_get_value": lambda tensors: [get_value(x) for x in tensors],
    "batch_set_value": lambda tuples: [set_value(x, value) for x, value in tuples] and None,
    "bias_add": bias_add,
    "binary_crossentropy": lambda target, output, from_logits=False: ops.binary_crossentropy(
        target, output, from_logits
    ),
    "cast": lambda x, dtype: ops.cast(_value(x), str(dtype)),
    "cast_to_floatx": lambda x: (
        np.asarray(x, settings().floatx) if not hasattr(x, "record_history") else ops.cast(x, settings().floatx)
    ),
    "categorical_crossentropy": categorical_crossentropy,
    "clip": clip,
    "concatenate": lambda tensors, axis=-1: ops.concatenate(tensors, axis),
    "constant": lambda value, dtype=None, shape=None, name=None: (
        ops.full(tuple(shape), value, dtype or settings().floatx)
        if shape is not None
        else ops.convert_to_tensor(value, dtype or settings().floatx)
    ),
    "conv1d": conv,
    "conv2d": conv,
    "conv3d": conv,
    "count_params": lambda x: int(np.prod(tuple(x.shape))),
    "ctc_batch_cost": ctc_batch_cost,
    "ctc_decode": ctc_decode,
    "cumprod": lambda x, axis=0: ops.cumprod(x, axis),
    "cumsum": lambda x, axis=0: ops.cumsum(x, axis),
    "dot": dot,
    "dropout": dropout,
    "dtype": lambda x: dtype_name(x.dtype),
    "eval": get_value,
    "expand_dims": lambda x, axis=-1: ops.expand_dims(x, axis),
    "eye": lambda size, dtype=None, name=None: ops.eye(size, dtype=dtype or settings().floatx),
    "flatten": flatten_all,
    "function": function,
    "gather": lambda reference, indices: ops.take(reference, indices, 0),
    "get_session": refuse("get_session"),
    "get_value": get_value,
    "gradients": gradients,
    "hard_sigmoid": lambda x: ops.clip(0.2 * x + 0.5, 0.0, 1.0),
    "image_dim_ordering": lambda: "tf" if settings().image_data_format == "channels_last" else "th",
    "in_test_phase": lambda x, alt, training=None: in_train_phase(alt, x, training),
    "in_top_k": lambda predictions, targets, k: ops.in_top_k(targets, predictions, k),
    "in_train_phase": in_train_phase,
    "int_shape": int_shape,
    "is_sparse": lambda tensor: False,
    "l2_normalize": lambda x, axis=None: l2_normalize(_value(x), axis),
    "learning_phase": lambda: 0,
    "manual_variable_initialization": _nothing,
    "map_fn": lambda fn, elems, name=None, dtype=None: ops.map(fn, elems),
    "moving_average_update": lambda x, value, momentum: x.assign(x.value * momentum + value * (1 - momentum)),
    "ndim": lambda x: len(x.shape),
    "one_hot": lambda indices, num_classes: ops.one_hot(indices, num_classes),
    "ones": _variable_of(np.ones),
    "permute_dimensions": lambda x, pattern: ops.transpose(x, tuple(pattern)),
    "placeholder": placeholder,
    "pool2d": pool2d,
    "pow": lambda x, a: ops.power(x, a),
    "print_tensor": lambda x, message="", summarize=3: x,
    "random_bernoulli": random_bernoulli,
    "random_binomial": random_bernoulli,
    "random_normal": random_normal,
    "random_normal_variable": lambda shape, mean, scale, dtype=None, name=None, seed=None: variable(
        random_normal(shape, mean, scale, dtype, seed), dtype, name
    ),
    "random_uniform": random_uniform,
    "random_uniform_variable": lambda shape, low, high, dtype=None, name=None, seed=None: variable(
        random_uniform(shape, low, high, dtype, seed), dtype, name
    ),
    "relu": relu,
    "repeat": repeat,
    "repeat_elements": repeat_elements,
    "reset_uids": _nothing,
    "reshape": lambda x, shape: ops.reshape(x, sizes(shape)),
    "resize_images": resize_images,
    "reverse": lambda x, axes: ops.flip(x, axes),
    "set_image_dim_ordering": _nothing,
    "set_learning_phase": _nothing,
    "set_session": _nothing,
    "set_value": set_value,
    "shape": shape,
    "sparse_categorical_crossentropy": lambda target, output, from_logits=False, axis=-1, ignore_class=None: (
        losses.sparse_categorical_crossentropy(target, output, from_logits, ignore_class, axis)
    ),
    "spatial_2d_padding": spatial_2d_padding,
    "squeeze": lambda x, axis: ops.squeeze(x, axis),
    "stack": lambda x, axis=0: ops.stack(x, axis),
    "switch": switch,
    "temporal_padding": temporal_padding,
    "tile": lambda x, n: ops.tile(x, (n,) if isinstance(n, int) else tuple(n)),
    "to_dense": lambda tensor: tensor,
    "transpose": lambda x: ops.transpose(x),
    "truncated_normal": truncated_normal,
    "update": lambda x, new_x: x.assign(new_x),
    "update_add": lambda x, increment: x.assign_add(increment),
    "update_sub": lambda x, decrement: x.assign_sub(decrement),
    "variable": variable,
    "zeros": _variable_of(np.zeros),
}
