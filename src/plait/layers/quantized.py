"""Layers whose kernel is kept in few bits: Dense, EinsumDense, Embedding, ReversibleEmbedding.

A quantised layer differs from a plain one in two places. Its kernel is an `Integers` view of integers and scales (or, for
`float8`, a Variable with scales beside it), and its `call` is replaced by `quantized_call`, in this one instance. So the
layers' pages know nothing of bits, and a layer that isn't quantised pays nothing.

`int8` and `int4` are for models that have learnt: the kernel is frozen, gradients go through it as if it were a float, and
low-rank adapters train beside it. `int8` turns what comes in into integers too, so that the product is one of integers.
`float8` is for training: kernel and inputs are rounded to 8 bits on their way into the product, gradients on their way out.

Verbs: `quantize` turns a built layer; a quantising dtype policy (`dtype="int8_from_float32"`) has `build` make the
integers at once, for files.

Differs from Keras: `kernel` with adapters is the kernel that the layer computes with; gradients go through the projection back
of a ReversibleEmbedding; an EinsumDense takes adapters whatever its equation.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.dtypes import is_float
from plait.common.messages import describe
from plait.common.numbers import as_list
from plait.common.policies import DTypePolicyMap, Int4DTypePolicy, policy, unknown_mode
from plait.common.scope import current
from plait.common.traits import is_of_plait, of_plait
from plait.core.variable import Variable, zeros_like
from plait.errors import ArgumentError, StateError
from plait.layers.lora import Adaptable, Adapted, View, adapted
from plait.quantizers import configs
from plait.quantizers.float8 import compute_float8_amax_history, compute_float8_scale, quantize_and_dequantize
from plait.quantizers.integers import (
    AbsMaxQuantizer,
    abs_max_quantize_grouped_with_zero_point,
    dequantize_grouped,
    pack_int4,
    unpack_int4,
)

_FLOAT8_PLACES = ("inputs", "kernel", "outputs_grad")


# ---------------------------------------------------------------------------- kernels in few bits


class Layout(NamedTuple):
    """Where a kernel's scales belong.

    Attributes:
        shape: of the kernel.
        axes: of the kernel that the product sums over: each place along the others has a scale.
        order: of the kernel's axes in the scale that is stored.
        scale_shape: of that scale.
        sums_rows: of the kernel as a matrix, whether the product sums over its rows; else over its columns.
        pairs: the axis of that matrix along which two numbers of 4 bits share a byte.
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    order: tuple[int, ...]
    scale_shape: tuple[int, ...]
    sums_rows: bool = True
    pairs: int = 1

    @property
    def matrix(self) -> tuple[int, int]:
        """The sizes of the kernel as a matrix."""
        summed = int(np.prod([self.shape[axis] for axis in self.axes]))
        others = int(np.prod(self.shape)) // summed
        return (summed, others) if self.sums_rows else (others, summed)

    def stored(self, scale: Any) -> Any:
        """A scale with axes of size 1 along `axes`, as it is stored."""
        return scale.transpose(self.order).reshape(self.scale_shape)

    def beside_kernel(self, scale: Any) -> Any:
        """A stored scale with axes of size 1 along `axes`."""
        sizes = [1 if axis in self.axes else self.shape[axis] for axis in self.order]
        return scale.reshape(sizes).transpose(np.argsort(self.order).tolist())


class Packing(NamedTuple):
    """How a kernel is kept as integers.

    Attributes:
        layout: where scales belong.
        bits: 8 or 4.
        block: for 4 bits how many places that are summed over share a scale; None has one for all.
    """

    layout: Layout
    bits: int
    block: int | None

    def quantized(self, kernel: Any, quantizer: Any = None) -> tuple:
        """What a kernel of floats is kept as: values for the first parts of an `Integers`."""
        layout, kernel = self.layout, np.asarray(kernel)
        if self.bits == 8:
            integers, scale = (quantizer or AbsMaxQuantizer(axis=layout.axes))(kernel, to_numpy=True)
            return integers, layout.stored(scale)
        matrix = kernel.reshape(layout.matrix)
        axis = 0 if layout.sums_rows else 1
        if self.block is None:
            by_row = quantizer or AbsMaxQuantizer(axis=axis, value_range=(-8, 7))
            integers, scale = by_row(matrix, to_numpy=True)
            found = integers, scale.reshape(-1)
        elif axis == 0:
            found = abs_max_quantize_grouped_with_zero_point(matrix, self.block, to_numpy=True)
        else:
            turned = abs_max_quantize_grouped_with_zero_point(matrix.T, self.block, to_numpy=True)
            found = tuple(array.T for array in turned)
        return pack_int4(found[0], layout.pairs)[0], *found[1:]


class Integers(View):
    """A kernel as integers of 8 or 4 bits, with scales. Reads as the integers, as Keras's does.

    Args:
        layer: whose weights these are; they are added to it as `<name>`, `<name>_scale`, `<name>_zero` and `g_idx`.
        name: of the kernel.
        packing: how the kernel is kept.
    """

    def __init__(self, layer: Any, name: str, packing: Packing):
        self.packing = packing
        self.layout, self.bits, self.block = layout, bits, block = packing
        rows, columns = layout.matrix
        stored, scale_shape = layout.shape, layout.scale_shape
        if bits == 4:
            stored = ((rows + 1) // 2, columns) if layout.pairs == 0 else (rows, (columns + 1) // 2)
            summed, others = (rows, columns) if layout.sums_rows else (columns, rows)
            blocks = None if block is None else -(-summed // block)
            scale_shape = (others,) if blocks is None else (blocks, others) if layout.sums_rows else (others, blocks)

        def add(kind: str, shape: tuple, initializer: Any, dtype: Any = None) -> Variable:
            variable = layer.add_weight(shape, initializer, dtype, trainable=False, name=kind)
            setattr(layer, kind, variable)
            return variable

        super().__init__(layer.add_weight(stored, "zeros", "int8", trainable=False, name=name), layout.shape)
        self.parts = [self.base, add(f"{name}_scale", scale_shape, "ones")]
        if bits == 4 and block is not None:
            self.parts.append(add(f"{name}_zero", scale_shape, "zeros", "int8" if layout.pairs else None))
            if getattr(layer, "g_idx", None) is None:  # tables for both ways share it
                place = np.arange(summed) // block
                add("g_idx", (summed,), lambda shape, dtype: place.astype("float32"), "float32")
            self.parts.append(layer.g_idx)

    @property
    def value(self) -> Any:
        """The integers, one each."""
        return self.unpacked(self.base.value)

    def unpacked(self, stored: Any) -> Any:
        """The integers, one each, in the kernel's shape."""
        if self.bits == 8:
            return stored
        rows, columns = self.layout.matrix
        axis = self.layout.pairs
        return unpack_int4(stored, (rows, columns)[axis], axis).reshape(self.shape)

    def arrays(self) -> tuple:
        """What it is kept as: the integers, the scales, and with blocks the zeros and each place's block."""
        return tuple(part.value for part in self.parts)

    def dequantized(self, arrays: tuple, dtype: Any) -> Any:
        """The kernel as floats, from what `arrays` gave."""
        integers, scale = self.unpacked(arrays[0]), arrays[1]
        if self.bits == 8:
            return integers.astype(dtype) / self.layout.beside_kernel(scale).astype(dtype)
        axis = 0 if self.layout.sums_rows else 1
        integers = integers.reshape(self.layout.matrix)
        if self.block is None:
            found = integers.astype(dtype) / jnp.expand_dims(scale, axis).astype(dtype)
        else:
            found = dequantize_grouped(integers, *arrays[1:], axis=axis)
        return found.astype(dtype).reshape(self.shape)

    def rows(self, arrays: tuple, index: Any, dtype: Any) -> Any:
        """Some rows of the kernel as floats."""
        integers, scale, *blocks = arrays
        integers, scale = jnp.take(integers, index, axis=0), jnp.take(scale, index, axis=0)
        if self.bits == 4:
            integers = unpack_int4(integers, self.shape[-1], -1)
        if blocks:
            zero, block_of = jnp.take(blocks[0], index, axis=0), blocks[1]
            return dequantize_grouped(integers, scale, zero, block_of, axis=-1).astype(dtype)
        return integers.astype(dtype) / scale[..., None].astype(dtype)

    def take(self, arrays: tuple) -> None:
        """Keeps what `quantized` gave."""
        for part, array in zip(self.parts, arrays, strict=False):
            part.assign(array)

    def assign(self, value: Any) -> Any:
        """Quantises a kernel of floats, and keeps it."""
        self.take(self.packing.quantized(value))
        return value


class AdaptedIntegers(Adapted):
    """A kernel of integers with what its adapters add to it."""

    base: Any

    @property
    def value(self) -> Any:
        """The sum, as floats."""
        integers = self.base
        kernel = integers.dequantized(integers.arrays(), integers.parts[1].value.dtype)
        return adapted(kernel, self.a.value, self.b.value, self.scale)

    def stored(self) -> dict[int, "Part"]:
        """What files hold of it in place of its variables: the sum, quantised anew."""
        found: list = []

        def part_of(index: int) -> Callable:
            def value() -> Any:
                found.extend(() if found else self.base.packing.quantized(self.value))
                return found[index]

            return value

        parts = self.base.parts[: 3 if self.base.block is not None else 2]
        return {id(part): Part(part, part_of(index), self.b) for index, part in enumerate(parts)}


class Part(View):
    """One array of a kernel that files hold with its adapters folded in. Assigning it empties the adapters."""

    def __init__(self, base: Variable, find: Callable, b: Variable):
        super().__init__(base)
        self.find, self.b = find, b

    @property
    def value(self) -> Any:
        """The array."""
        return self.find()

    def assign(self, value: Any) -> Any:
        """Makes it that array, without adapters."""
        self.b.assign(zeros_like(self.b.value))
        return self.base.assign(value)


# ---------------------------------------------------------------------------- products


class Letters(NamedTuple):
    """The letters of an equation's parts, with one for each axis that an ellipsis stands for."""

    x: str
    kernel: str
    out: str


def letters_of(equation: str, rank: int) -> Letters:
    """The letters of `x,kernel->out` for an x of that many axes.

    >>> letters_of("...a,ab->...b", 3)
    Letters(x='cda', kernel='ab', out='cdb')
    """
    x, kernel, out = re.split(",|->", equation.replace(" ", ""))
    free = [letter for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in equation]
    elided = "".join(free[: rank - len(x.replace(".", ""))])
    return Letters(x.replace("...", elided), kernel, out.replace("...", elided))


def aligned(array: Any, have: str, want: str) -> Any:
    """An array whose axes have letters, with the axes of others: size 1 where it has none, left out where nobody wants one.

    >>> import numpy as np
    >>> aligned(np.zeros((2, 1, 3)), "abc", "cda").shape
    (3, 1, 2)
    """
    kept = [letter for letter in want if letter in have]
    dropped = tuple(axis for axis, letter in enumerate(have) if letter not in want)
    array = array.squeeze(dropped)
    left = [letter for letter in have if letter in want]
    array = array.transpose([left.index(letter) for letter in kept])
    return array.reshape([array.shape[kept.index(letter)] if letter in kept else 1 for letter in want])


def _product_value(letters: Letters, kernel: Integers, quantizer: Any, x: Any, arrays: tuple) -> Any:
    axes = tuple(axis for axis, letter in enumerate(letters.x) if letter not in letters.out)
    integers, scale = quantizer(x, axis=axes)
    scale = aligned(scale, letters.x, letters.out)
    equation = f"{letters.x},{letters.kernel}->{letters.out}"
    if kernel.bits == 8:
        sums = jnp.einsum(equation, integers, arrays[0], preferred_element_type=jnp.int32)
        return sums.astype(x.dtype) / (scale * arrays[1].astype(x.dtype))
    return jnp.einsum(equation, integers.astype(x.dtype), kernel.dequantized(arrays, x.dtype)) / scale


def _product_forward(letters: Letters, kernel: Integers, quantizer: Any, x: Any, arrays: tuple) -> tuple:
    return _product_value(letters, kernel, quantizer, x, arrays), arrays


def _product_backward(letters: Letters, kernel: Integers, quantizer: Any, arrays: tuple, gradient: Any) -> tuple:
    floats = kernel.dequantized(arrays, gradient.dtype)
    return jnp.einsum(f"{letters.out},{letters.kernel}->{letters.x}", gradient, floats), None


_product = jax.custom_vjp(_product_value, nondiff_argnums=(0, 1, 2))
_product.defvjp(_product_forward, _product_backward)


def product(equation: str, x: Any, kernel: Integers, quantizer: Any) -> Any:
    """`einsum(equation, x, kernel)` with a kernel of integers.

    Args:
        equation: such as `"...a,ab->...b"`.
        x: floating numbers.
        kernel: the integers and their scales.
        quantizer: turns x into integers too; None leaves it as it is.
    """
    letters = letters_of(equation, x.ndim)
    if quantizer is not None:
        return _product(letters, kernel, quantizer, x, kernel.arrays())
    equation = f"{letters.x},{letters.kernel}->{letters.out}"
    return jnp.einsum(equation, x, kernel.dequantized(kernel.arrays(), x.dtype))


def integers_of(kernel: Any) -> Integers:
    """A kernel's integers, without what adapters add.

    Raises:
        UnknownMode: a kernel of floats.
    """
    integers = kernel.base if isinstance(kernel, AdaptedIntegers) else kernel
    if not isinstance(integers, Integers):
        raise UnknownMode(f"Invalid quantization mode. The kernel {kernel.path!r} holds floats: call `quantize` first.")
    return integers


def rows_of(table: Any, index: Any, dtype: Any) -> Any:
    """Some rows of a table of integers as floats, with what adapters add to them.

    Args:
        table: `Integers`, with adapters or not.
        index: whole numbers.
        dtype: of the rows.
    """
    integers = integers_of(table)
    plain = integers.rows(integers.arrays(), index, dtype)
    if table is integers:
        return plain
    change = table.scale * (jnp.take(table.a.value, index, axis=0) @ table.b.value)
    return (plain.astype(change.dtype) + change).astype(dtype)


# ---------------------------------------------------------------------------- products of 8-bit floats


def _float8_places(training: bool, dtype: Any, x: Any, scale: Any, history: Any) -> tuple:
    rounded = quantize_and_dequantize(x, scale, "float8_e4m3fn", dtype)
    if not training:
        return rounded, (jnp.zeros_like(scale), jnp.zeros_like(history))
    most = float(jnp.finfo("float8_e4m3fn").max)
    return rounded, (
        compute_float8_scale(jnp.max(history), scale, most),
        compute_float8_amax_history(x, history),
    )


def _rounded_value(training: bool, dtype: Any, x: Any, scale: Any, history: Any) -> Any:
    return _float8_places(training, dtype, x, scale, history)[0]


def _rounded_backward(training: bool, dtype: Any, places: tuple, gradient: Any) -> tuple:
    return gradient, *places


_rounded = jax.custom_vjp(_rounded_value, nondiff_argnums=(0, 1))
"""What goes into a product, rounded to 8 bits. The "gradients" of scale and history are their new values."""
_rounded.defvjp(_float8_places, _rounded_backward)


def _rounding_gradient_value(dtype: Any, y: Any, scale: Any, history: Any) -> Any:
    return y


def _rounding_gradient_forward(dtype: Any, y: Any, scale: Any, history: Any) -> tuple:
    return y, (scale, history)


def _rounding_gradient_backward(dtype: Any, kept: tuple, gradient: Any) -> tuple:
    scale, history = kept
    most = float(jnp.finfo("float8_e5m2").max)
    new_scale = compute_float8_scale(jnp.max(history), scale, most)
    rounded = quantize_and_dequantize(gradient, scale, "float8_e5m2", dtype)
    return rounded, new_scale, compute_float8_amax_history(gradient, history)


_rounding_gradient = jax.custom_vjp(_rounding_gradient_value, nondiff_argnums=(0,))
"""What comes out of a product, as it is; its gradient is rounded to 8 bits in the backward pass."""
_rounding_gradient.defvjp(_rounding_gradient_forward, _rounding_gradient_backward)


def product_in_float8(equation: str, x: Any, layer: Any) -> Any:
    """`einsum(equation, x, kernel)` of numbers rounded to 8 bits, whose gradients are rounded too."""
    dtype, training = layer.compute_dtype, bool(current().training)
    kept = [
        (getattr(layer, f"{place}_scale").value, getattr(layer, f"{place}_amax_history").value)
        for place in _FLOAT8_PLACES
    ]
    rounded = [_rounded(training, dtype, value, *kept[i]) for i, value in enumerate((x, layer.kernel.value))]
    return _rounding_gradient(dtype, jnp.einsum(equation, *rounded), *kept[2])


# ---------------------------------------------------------------------------- layers


@of_plait
class Quantizable(Adaptable):
    """A layer whose kernel can be kept in few bits.

    Attributes:
        quantization_config: how it was quantised, or is to be when it is built.
        inputs_quantizer: what turns inputs into integers, or None.
    """

    _modes: tuple[str, ...] = ("int8", "int4", "float8")
    quantization_config: Any = None
    inputs_quantizer: Any = None

    # What a class states: its product as an `_equation`, and the `_layout` of scales for a kernel of some shape.

    _equation: Any
    _layout: Any
    bias: Any
    activation: Any

    def _take_quantization(self, config: Any) -> None:
        """Keeps the constructor's argument, where there is one."""
        if config is not None:
            if not isinstance(config, configs.QuantizationConfig):
                raise ArgumentError(
                    f"{type(self).__name__} {self.name!r}: `quantization_config` must be one of `plait.quantizers`, such as "
                    f"Int8QuantizationConfig(), but got {describe(config)}."
                )
            self.quantization_config = config

    def _own_quantizer(self, mode: str) -> Any:
        """What turns inputs into integers, where no config says."""
        return AbsMaxQuantizer() if mode == "int8" else None

    # Building.

    def _add_kernel(self, shape: tuple, initializer: Any, name: str | None = None) -> Any:
        """The kernel as the policy has it: floats, or integers that a file will bring."""
        mode, kind = self.quantization_mode, self._kernel_name
        if mode is not None:
            if name not in (None, kind):
                raise ArgumentError(
                    f"{type(self).__name__} {self.name!r}: a quantised layer takes one tensor. Concatenate them before it."
                )
            self.quantized_build(shape, mode, self.quantization_config)
        if mode in ("int8", "int4"):
            return getattr(self, kind)
        kernel = self.add_weight(
            name=name or kind,
            shape=shape,
            initializer=initializer,
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )
        return kernel

    def quantized_build(self, kernel_shape: Any, mode: str, config: Any = None) -> None:
        """Makes the weights of a mode, and has calls go by them.

        Args:
            kernel_shape: of the kernel as floats.
            mode: `"int8"`, `"int4"` or `"float8"`.
            config: how, where the mode leaves a choice.

        Raises:
            ArgumentError: a mode that the layer doesn't have.
        """
        if mode not in self._modes:
            raise UnknownMode(unknown_mode(mode, self._modes))
        with self._as_when_built():
            if mode == "float8":
                self._add_scales()
            else:
                default = self._own_quantizer(mode)
                self.inputs_quantizer = configs.QuantizationConfig.activation_quantizer_or_default(config, default)
                for name, packing in self._packings(tuple(kernel_shape), mode, config).items():
                    setattr(self, name, Integers(self, name, packing))
        self._is_quantized = True
        self.call = self.quantized_call

    def _packings(self, shape: tuple, mode: str, config: Any) -> dict[str, Packing]:
        """How the layer's tables are kept in a mode, by the names of their attributes."""
        bits, block = (8, None) if mode == "int8" else (4, self._block_size(config))
        return {self._kernel_name: Packing(self._layout(shape), bits, block)}

    def _block_size(self, config: Any) -> int | None:
        """How many places that are summed over share a scale of 4-bit integers: what the config says, else the policy."""
        said = config if isinstance(config, configs.Int4QuantizationConfig) else self._dtype_policy
        size = said.block_size if isinstance(said, (configs.Int4QuantizationConfig, Int4DTypePolicy)) else None
        return None if size == -1 else size

    def _add_scales(self) -> None:
        length = getattr(self._dtype_policy, "amax_history_length", 1024)
        options = {"dtype": "float32", "autocast": False, "overwrite_with_gradient": True}
        for place in _FLOAT8_PLACES:
            for kind, shape, start in (("scale", (), "ones"), ("amax_history", (length,), "zeros")):
                name = f"{place}_{kind}"
                setattr(self, name, self.add_weight(shape, start, name=name, **options))

    # Turning a built layer.

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Keeps the kernel in few bits from now on.

        Args:
            mode: `"int8"`, `"int4"` or `"float8"`.
            type_check: whether a subclass is refused, because its own `call` would not be used any more.
            config: how, instead of a mode: `plait.quantizers.Int8QuantizationConfig` and its like.

        Raises:
            StateError: the layer isn't built, or is quantised.
            ArgumentError: no such mode; `"int8"` with float16.
            NotImplementedError: a subclass, or a mode that this layer doesn't have.

        >>> import numpy as np, plait
        >>> layer = plait.layers.Dense(64)
        >>> before = layer(np.ones((1, 32), "float32"))
        >>> layer.quantize("int8")
        >>> layer.kernel.dtype, bool(np.allclose(layer(np.ones((1, 32), "float32")), before, atol=0.05))
        ('int8', True)
        """
        config = configs.resolve(mode, config)
        mode = str(config.mode)
        self._check_quantize(mode, type_check)
        if mode == "float8":
            self.quantization_config = config
            self.quantized_build(self._kernel.shape, mode, config)
        else:
            self._turn_to_integers(mode, config)
        if self.quantization_mode is None:
            size = self._block_size(config) if mode == "int4" else None
            name = f"int4/{size or -1}" if mode == "int4" else mode
            self.dtype_policy = policy(f"{name}_from_{self._dtype_policy.name}")

    def _check_quantize(self, mode: str, type_check: bool) -> None:
        who = f"Layer '{self.name}' (of type '{type(self).__name__}')"
        if not self.built:
            raise StateError(
                f"{who}: Cannot quantize a layer that isn't yet built. Call `build`, or call it on data, first."
            )
        if self._is_quantized:
            raise StateError(
                f"{who} is already quantized with dtype_policy='{self.dtype_policy.name}', so it can't be quantized with mode={mode!r}."
            )
        if type_check and not is_of_plait(type(self)):
            raise NotImplementedError(
                f"Layer {type(self).__name__} does not have a `quantize` method implemented: it may have a `call` of its own. "
                "type_check=False quantises it as the class it is of."
            )
        if mode not in self._modes:
            raise UnknownMode(unknown_mode(mode, self._modes))
        if mode == "int8" and self.compute_dtype == "float16":
            raise ArgumentError(
                f"{who}: Quantization mode='int8' doesn't work well with compute_dtype='float16'. Load the layer with another "
                "dtype policy, such as 'mixed_bfloat16', first."
            )
        self._check_one_kernel("quantisation")

    def _turn_to_integers(self, mode: str, config: Any) -> None:
        shape = self._kernel.shape
        packings = self._packings(shape, mode, config)
        floats = {name: self._kernel if name == self._kernel_name else getattr(self, name) for name in packings}
        # All that code of others computes is computed before the layer changes, so that no error costs a kernel.
        arrays = {name: packings[name].quantized(floats[name].numpy(), config.weight_quantizer) for name in packings}
        self.quantization_config = config
        self.quantized_build(shape, mode, config)
        gone = {id(variable) for variable in floats.values()}
        self._added[:] = [variable for variable in self._added if id(variable) not in gone]
        for name in packings:
            getattr(self, name).take(arrays[name])
        kernel = getattr(self, self._kernel_name)
        self._put_kernel(self._with_adapters(kernel) if self.lora_enabled else kernel)

    def _with_adapters(self, kernel: Any) -> Any:
        plain = super()._with_adapters(kernel)
        return AdaptedIntegers(kernel, plain.a, plain.b, plain.scale) if isinstance(kernel, Integers) else plain

    # Calling.

    def quantized_call(self, inputs: Any) -> Any:
        """What `call` computes, with the kernel in few bits."""
        (inputs,) = as_list(inputs)
        inputs = inputs if is_float(inputs.dtype) else inputs.astype(self.compute_dtype)
        kernel = getattr(self, self._kernel_name)
        if self.quantization_mode == "float8":
            return self._finish_in_float8(product_in_float8(self._equation, inputs, self))
        integers = integers_of(kernel)
        x = product(self._equation, inputs, integers, self.inputs_quantizer)
        if kernel is not integers:
            x = (x + self._adapters_product(inputs, kernel)).astype(self.compute_dtype)
        return self._finish(x, None if self.bias is None else self.bias.value)

    def _adapters_product(self, inputs: Any, kernel: AdaptedIntegers) -> Any:
        """What the adapters add to the product, without making a matrix as large as the kernel where they need not."""
        letters = letters_of(self._equation, inputs.ndim)
        equation = f"{letters.x},{letters.kernel}->{letters.out}"
        a, b = kernel.a.value, kernel.b.value
        inputs = inputs.astype(jnp.promote_types(inputs.dtype, a.dtype))
        a, b = a.astype(inputs.dtype), b.astype(inputs.dtype)
        if letters.kernel[-1] != letters.out[-1]:
            return kernel.scale * jnp.einsum(equation, inputs, a @ b)
        return kernel.scale * (jnp.einsum(equation, inputs, a) @ b)

    def _finish(self, x: Any, bias: Any) -> Any:
        x = x if bias is None else x + bias
        return x if self.activation is None else self.activation(x)

    def _finish_in_float8(self, x: Any) -> Any:
        bias = None if self.bias is None else self.bias.value
        if bias is not None and self.compute_dtype == "float32":  # as the fused product on a GPU takes it
            bias = bias.astype("bfloat16").astype("float32")
        return self._finish(x, bias)

    # Files.

    @property
    def variable_serialization_spec(self) -> dict:
        """The names of the weights that files hold, in their order, for each mode."""
        name = self._kernel_name
        places = [f"{place}_{kind}" for place in _FLOAT8_PLACES for kind in ("scale", "amax_history")]
        bias = [] if name == "embeddings" else ["bias"]
        spec = {
            None: [name, *bias],
            "int8": [name, *bias, f"{name}_scale"],
            "int4": [name, *bias, f"{name}_scale", f"{name}_zero", "g_idx"],
            "float8": [name, *bias, *places],
        }
        return {mode: names for mode, names in spec.items() if mode is None or mode in self._modes}

    def _stored_variables(self) -> list:
        if not self._is_quantized:
            return super()._stored_variables()
        kernel = getattr(self, self._kernel_name)
        if isinstance(kernel, AdaptedIntegers):
            parts = kernel.stored()
        else:
            parts = {id(self._kernel): kernel} if isinstance(kernel, Adapted) else {}
        return [parts.get(id(variable), variable) for variable in self._stored_by_name()]

    def _stored_by_name(self) -> Iterator[Variable]:
        for name in self.variable_serialization_spec[self.quantization_mode]:
            found = self._kernel if name == self._kernel_name else getattr(self, name, None)
            if found is not None:
                yield found.base if isinstance(found, View) else found


def policy_with_inner(self: Any) -> Any:
    """The policy of a layer that makes layers inside itself: a map by their paths, where they have policies of their own."""
    own = self.dtype_policy
    others = {
        inner.path: inner.dtype_policy for inner in self._layers if inner.dtype_policy not in (own, self._policies)
    }
    quantised = {path: other for path, other in others.items() if other.quantization_mode is not None}
    return DTypePolicyMap(own, quantised) if quantised and self._policies is None else own


class UnknownMode(ArgumentError, NotImplementedError):
    """A mode of quantisation that a layer doesn't have."""
