"""Numbers as small integers and a scale: `x ≈ integer / scale`, with one scale for each row, column or block.

Two schemes. By the absolute maximum, symmetric around zero: the largest magnitude becomes 127, or 7 for 4 bits. With a
zero point, for blocks of rows: the range from minimum to maximum becomes -8 to 7, and `x ≈ (integer - zero) * scale`.
Note that the two scales are reciprocal to each other, as in Keras's files.

Kernels are quantised on the host (`to_numpy=True`), so that no device needs memory for both forms; activations on the
device, inside the program.

Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, 2018.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.dtypes import dtype_name
from plait.common.messages import describe
from plait.common.registry import builtin
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ArgumentTypeError, ShapeError


@builtin("quantizers", "quantizer", module="keras")
class Quantizer:
    """What turns numbers into integers and their scale: the parent of all quantizers, which itself changes nothing.

    Args:
        output_dtype: the dtype of the integers.
    """

    def __init__(self, output_dtype: str = "int8"):
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        """The integers and their scale."""
        return x

    @classmethod
    def from_config(cls, config: dict) -> "Quantizer":
        """A quantizer from its config."""
        return cls(**config)

    def get_config(self) -> dict:
        """The constructor's arguments.

        Raises:
            NotImplementedError: the subclass doesn't say.
        """
        raise NotImplementedError(f"{type(self).__name__}: a quantizer that is to be saved defines `get_config`.")


@builtin("quantizers", "abs_max_quantizer")
class AbsMaxQuantizer(Quantizer):
    """By the absolute maximum: the largest magnitude along some axes becomes the largest integer.

    Args:
        axis: along which axes the maximum is taken, where a call doesn't say; None is the last.
        value_range: the smallest and the largest integer.
        epsilon: keeps the scale finite where all is zero.
        output_dtype: the dtype of the integers.

    Raises:
        ArgumentError: a range that int8 cannot hold.

    >>> import numpy as np
    >>> integers, scale = AbsMaxQuantizer()(np.array([[0.5, -1.0]], "float32"))
    >>> integers.tolist(), round(float(scale[0, 0]))
    ([[63, -127]], 127)
    """

    def __init__(
        self,
        axis: Any = None,
        value_range: tuple[int, int] = (-127, 127),
        epsilon: float = 1e-07,
        output_dtype: str = "int8",
    ):
        super().__init__(output_dtype)
        self.axis = None if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.value_range, self.epsilon = tuple(value_range), epsilon
        if output_dtype == "int8" and (self.value_range[0] < -128 or self.value_range[1] > 127):
            raise ArgumentError(
                "Quantizer with output_dtype='int8' requires value_range to be within the interval [-128, 127], but got "
                f"value_range={value_range}."
            )

    def __call__(self, x: Any, axis: Any = None, to_numpy: bool = False) -> tuple:
        """The integers, and the scale with axes of size 1 in place of those that the maximum was taken along."""
        axis = axis if axis is not None else self.axis if self.axis is not None else -1
        return abs_max_quantize(x, axis, self.value_range, self.output_dtype, self.epsilon, to_numpy)  # pyright: ignore[reportArgumentType]

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = {"value_range": self.value_range, "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return config if self.axis is None else {**config, "axis": self.axis}


def abs_max_quantize(
    inputs: Any,
    axis: Any,
    value_range: tuple[int, int] = (-127, 127),
    dtype: str = "int8",
    epsilon: float = 1e-07,
    to_numpy: bool = False,
) -> tuple:
    """Integers and the scale they were multiplied with: `round(x * scale)`.

    Args:
        inputs: floating numbers.
        axis: along which axes the absolute maximum is taken.
        value_range: the smallest and the largest integer.
        dtype: the dtype of the integers.
        epsilon: is added to the maximum.
        to_numpy: whether it is computed on the host.

    Returns:
        `(integers, scale)`; the scale has size 1 along `axis`.

    >>> import numpy as np
    >>> integers, scale = abs_max_quantize(np.array([[0.5], [-1.0]], "float32"), axis=0)
    >>> integers.tolist(), scale.shape
    ([[63], [-127]], (1, 1))
    """
    xp, x, kept = _placed(inputs, to_numpy)
    axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    scale = (value_range[1] / (xp.max(xp.abs(x), axis=axis, keepdims=True) + epsilon)).astype(x.dtype)
    integers = xp.clip(xp.round(x * scale), *value_range).astype(dtype)
    return jnp.asarray(integers), jnp.asarray(scale.astype(kept))


def _placed(inputs: Any, to_numpy: bool) -> tuple:
    """NumPy or JAX, the numbers as it has them, and the dtype of their scale. The host computes no less than float32."""
    if not to_numpy:
        x = convert_to_tensor(inputs)
        return jnp, x, x.dtype
    x = np.asarray(inputs)
    return np, x.astype("float32") if x.dtype.itemsize < 4 else x, x.dtype


def abs_max_quantize_grouped_with_zero_point(
    inputs: Any,
    block_size: int,
    value_range: tuple[int, int] = (-8, 7),
    dtype: str = "int8",
    epsilon: float = 1e-07,
    to_numpy: bool = False,
) -> tuple:
    """Integers, and for each block of rows and each column the scale and the integer that stands for zero.

    Args:
        inputs: (R, C) floating numbers.
        block_size: how many rows are in a block; the last may have fewer.
        value_range: the smallest and the largest integer.
        dtype: the dtype of the integers.
        epsilon: is added to the range.
        to_numpy: whether it is computed on the host.

    Returns:
        `(integers, scale, zero)` of shapes (R, C), (blocks, C) and (blocks, C); `x ≈ (integers - zero) * scale`.

    Raises:
        ShapeError: not two axes.

    >>> import numpy as np
    >>> integers, scale, zero = abs_max_quantize_grouped_with_zero_point(np.eye(6, 2, dtype="float32"), block_size=4)
    >>> integers.shape, scale.shape, zero.shape
    ((6, 2), (2, 2), (2, 2))
    """
    xp, x, kept = _placed(inputs, to_numpy)
    if x.ndim != 2:
        raise ShapeError(f"abs_max_quantize_grouped_with_zero_point: expected a matrix, but got {describe(inputs)}.")
    rows, columns = x.shape
    blocks = -(-rows // block_size)
    padded = xp.pad(x, ((0, blocks * block_size - rows), (0, 0))).reshape(blocks, block_size, columns)
    low, high = padded.min(axis=1, keepdims=True), padded.max(axis=1, keepdims=True)
    least, most = value_range
    if not to_numpy:  # a block of one value only; on the host Keras leaves it to epsilon
        low, high = xp.where(low == high, low - 1, low), xp.where(low == high, high + 1, high)
    scale = (high - low + epsilon) / (most - least)
    zero = xp.clip(xp.round(-low / scale) + least, least, most)
    integers = xp.clip(xp.round(padded / scale) + zero, least, most).astype(dtype)
    integers = integers.reshape(blocks * block_size, columns)[:rows]
    found = integers, scale[:, 0].astype(kept), zero[:, 0].astype("int8")
    return tuple(map(jnp.asarray, found))


def dequantize_grouped(integers: Any, scale: Any, zero: Any, block_of: Any, axis: int) -> Any:
    """`(integers - zero) * scale`, where `block_of` is the block of each place along an axis.

    >>> import jax.numpy as jnp
    >>> scale, zero = jnp.array([[2.0], [3.0]]), jnp.array([[1], [0]])
    >>> dequantize_grouped(jnp.array([[5], [5]]), scale, zero, jnp.array([0, 1]), axis=0).tolist()
    [[8.0], [15.0]]
    """
    block_of = block_of.astype("int32")
    scales, zeros = (jnp.take(each, block_of, axis=axis) for each in (scale, zero))
    return (integers.astype(scales.dtype) - zeros.astype(scales.dtype)) * scales


def pack_int4(arr: Any, axis: int = 0, dtype: str = "int8") -> tuple:
    """Two integers of 4 bits in each byte: along an axis, the first of a pair in the low half, the second in the high one.

    Args:
        arr: integers from -8 to 7 (0 to 15 for `"uint8"`), of the dtype that is stated.
        axis: along which pairs are made; an odd size gets a zero more.
        dtype: `"int8"` or `"uint8"`.

    Returns:
        `(bytes, their shape, the size of the axis before)`.

    Raises:
        ArgumentError: another dtype.
        ArgumentTypeError: an array of another dtype than stated.

    >>> import numpy as np
    >>> packed, shape, size = pack_int4(np.array([[-3, 7], [2, -8], [1, 0]], "int8"))
    >>> packed.tolist(), shape, size
    ([[45, -121], [1, 0]], (2, 2), 3)
    """
    _check_bytes(dtype, arr, dtype)
    x = np.moveaxis(np.asarray(arr), axis, 0)
    size = x.shape[0]
    pairs = np.concatenate([x, np.zeros((size % 2, *x.shape[1:]), x.dtype)]).view("uint8") & 0x0F
    packed = np.moveaxis((pairs[::2] | pairs[1::2] << 4).view(dtype), 0, axis)
    return jnp.asarray(packed), tuple(packed.shape), size


def unpack_int4(packed: Any, orig_len: int, axis: int = 0, dtype: str = "int8") -> Any:
    """The integers that `pack_int4` put two into a byte.

    Args:
        packed: the bytes.
        orig_len: the size of the axis before.
        axis: along which pairs were made.
        dtype: `"int8"` gives -8 to 7, `"uint8"` gives 0 to 15.

    Raises:
        ArgumentError: another dtype.
        ArgumentTypeError: an array that isn't of bytes.

    >>> import numpy as np
    >>> unpack_int4(np.array([[45, -121], [1, 0]], "int8"), 3).tolist()
    [[-3, 7], [2, -8], [1, 0]]
    """
    x = convert_to_tensor(packed)
    _check_bytes(dtype, x, "int8", "uint8")
    axis %= x.ndim
    x = x.astype(dtype)  # between bytes this keeps the bits
    low = x << 4 >> 4 if dtype == "int8" else x & 0x0F  # shifts of signed numbers carry the sign
    pairs = jnp.stack([low, x >> 4], axis=axis + 1)
    whole = pairs.reshape(*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])
    return jax.lax.slice_in_dim(whole, 0, orig_len, axis=axis)


def _check_bytes(dtype: str, array: Any, *allowed: str) -> None:
    if dtype not in ("int8", "uint8"):
        raise ArgumentError(f"Expected dtype to be 'int8' or 'uint8', but got '{dtype}'.")
    if dtype_name(array.dtype) not in allowed:
        raise ArgumentTypeError(f"Expected {' or '.join(allowed)} tensor, got {describe(array)}.")


@op(module="keras.src.quantizers.quantizers")
def fake_quant_with_min_max_vars(
    inputs: Any, min_vals: Any, max_vals: Any, num_bits: int = 8, narrow_range: bool = False, axis: int | None = None
) -> Any:
    """Rounds numbers to those that few bits can tell apart, and keeps them floats: for training with the error in sight.

    Args:
        inputs: floating numbers.
        min_vals: the smallest number that is kept, one for all or one along `axis`.
        max_vals: the largest.
        num_bits: the number of bits.
        narrow_range: whether the lowest of the integers is left out.
        axis: the axis along which each place has its own range; None has one for all.

    Gradients go to `inputs` within the range, and to the ends of the range from what lies beyond.

    >>> import numpy as np
    >>> fake_quant_with_min_max_vars(np.array([0.4, 1.4, 9.0]), 0.0, 3.0, num_bits=2).tolist()
    [0.0, 1.0, 3.0]
    """
    x, low, high = (convert_to_tensor(each) for each in (inputs, min_vals, max_vals))
    axis = None if axis is None else axis % x.ndim
    return _fake_quant(int(num_bits), bool(narrow_range), axis, x, low, high)


def _nudged(low: Any, high: Any, bits: int, narrow: bool) -> tuple:
    """The range moved so that zero is one of the integers: its ends, the step, and its reciprocal."""
    dtype = jnp.promote_types(low.dtype, jnp.float32)
    low, high = low.astype(dtype), high.astype(dtype)
    least, most = int(narrow), (1 << bits) - 1
    step, inverse = (high - low) / (most - least), (most - least) / (high - low)
    zero = jnp.round(jnp.clip(least - low / step, least, most))
    return (least - zero) * step, (most - zero) * step, step, inverse


def _fake_quant_forward(bits: int, narrow: bool, axis: int | None, x: Any, low: Any, high: Any) -> tuple:
    least, most, step, inverse = _nudged(low, high, bits, narrow)
    zero = jnp.floor(-least * inverse + 0.5)
    shifted = jnp.clip(x.astype(least.dtype), least, most) - least
    result = (jnp.floor(shifted * inverse - zero + 0.5) * step).astype(x.dtype)
    return result, (x, low, high, least, most)


def _fake_quant_backward(bits: int, narrow: bool, axis: int | None, kept: tuple, gradient: Any) -> tuple:
    x, low, high, least, most = kept
    axes = tuple(i for i in range(x.ndim) if i != axis)

    def gathered(where: Any, end: Any) -> Any:
        return jnp.where(where, gradient, 0).sum(axis=axes).reshape(end.shape).astype(end.dtype)

    wide = x.astype(least.dtype)
    within = (wide >= least) & (wide <= most)
    return jnp.where(within, gradient, 0), gathered(wide <= least, low), gathered(wide >= most, high)


def _fake_quant_value(bits: int, narrow: bool, axis: int | None, x: Any, low: Any, high: Any) -> Any:
    return _fake_quant_forward(bits, narrow, axis, x, low, high)[0]


_fake_quant = jax.custom_vjp(_fake_quant_value, nondiff_argnums=(0, 1, 2))
_fake_quant.defvjp(_fake_quant_forward, _fake_quant_backward)
