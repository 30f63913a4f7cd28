"""EinsumDense: a dense layer whose product is any einsum."""

import copy
import re
from typing import Any, Unpack

import jax.numpy as jnp

from plait import activations, constraints, initializers, regularizers
from plait.common.registry import builtin
from plait.errors import ArgumentError, ShapeError
from plait.layers.argument_types import LayerOptions
from plait.layers.quantized import Layout, Quantizable, letters_of


@builtin("layers")
class EinsumDense(Quantizable):
    """`activation(einsum(equation, x, kernel) + bias)`.

    Args:
        equation: such as `"abc,cd->abd"`; an ellipsis stands for any axes.
        output_shape: the sizes of the output's axes behind the batch axis; None where they come from the input.
        activation: a function of the result.
        bias_axes: the letters of the output's axes that have a bias.
        kernel_initializer: for the kernel.
        bias_initializer: for the bias.
        lora_rank: the inner size of low-rank adapters, which then train in the kernel's place (`enable_lora`).
        lora_alpha: they are scaled by lora_alpha / lora_rank; None is `lora_rank`.
        quantization_config: how the kernel is kept in few bits, where `dtype` says that it is (`quantize`).

    >>> import numpy as np
    >>> EinsumDense("ab,bc->ac", output_shape=5)(np.ones((2, 3))).shape
    (2, 5)
    """

    _family = "dense"

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        self.equation, self.bias_axes = equation, bias_axes
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self._take_lora(lora_rank, lora_alpha)
        self._take_quantization(quantization_config)

    def build(self, input_shape: tuple) -> None:
        kernel_shape, bias_shape = _shapes(self.equation, self.bias_axes, input_shape, self.output_shape)
        self._inputs_rank = len(input_shape)
        self.kernel = self._add_kernel(kernel_shape, _with_fans(self.kernel_initializer, self.equation))
        self.bias = None
        if bias_shape is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=bias_shape,
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def call(self, inputs: Any) -> Any:
        x = jnp.einsum(self.equation, inputs, self.kernel.value)
        if self.bias is not None:
            x = x + self.bias.value
        return x if self.activation is None else self.activation(x)

    @property
    def _equation(self) -> str:
        return self.equation

    def _layout(self, shape: tuple) -> Layout:
        _, kernel, out = letters_of(self.equation, self._inputs_rank)
        summed = tuple(axis for axis, letter in enumerate(kernel) if letter not in out)
        order = tuple(kernel.index(letter) for letter in out if letter in kernel)
        scale = tuple(shape[kernel.index(letter)] if letter in kernel else 1 for letter in out)
        return Layout(shape, summed, (*order, *summed), scale)


def _with_fans(initializer: Any, equation: str) -> Any:
    """The same initializer, told which axes of the kernel are summed over and which come out."""
    if not isinstance(initializer, initializers.VarianceScaling) or initializer.input_axes is not None:
        return initializer
    operands, written = equation.replace(" ", "").replace(".", "").split("->")
    kernel = operands.split(",")[1]
    told = copy.copy(initializer)
    told.input_axes = [axis for axis, letter in enumerate(kernel) if letter not in written]
    told.output_axes = [axis for axis, letter in enumerate(kernel) if letter in written]
    return told


def _shapes(
    equation: str, bias_axes: str | None, input_shape: tuple, output_shape: tuple
) -> tuple[tuple, tuple | None]:
    """The shapes of kernel and bias that an equation asks for, for an input's shape.

    Raises:
        ArgumentError: an equation of another form.
        ShapeError: sizes that contradict each other, or that follow from nothing.
    """
    match = re.fullmatch(
        r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?", equation.replace(" ", "")
    )
    if match is None:
        raise ArgumentError(
            f"EinsumDense: Invalid einsum equation '{equation}'. Equations must be in the form [X],[Y]->[Z], ...[X],[Y]->...[Z], or "
            "[X]...,[Y]->[Z]...."
        )
    left, read, right, kernel, _, written, _ = match.groups()
    sizes: dict[str, Any] = {}
    known = input_shape[len(input_shape) - len(read) :] if left else input_shape[: len(read)]
    sizes.update(zip(read, known, strict=True))
    out = list(output_shape)
    if not left:
        out = [None, *out]  # the batch axis
    out = out[len(out) - len(written) :] if left else out[: len(written)]
    for letter, size in zip(written, out, strict=True):
        if size is not None:
            if sizes.get(letter) not in (None, size):
                raise ShapeError(
                    f"EinsumDense: Input shape and output shape do not match at shared dimension '{letter}'. Input shape is "
                    f"{sizes[letter]}, and output shape is {size}."
                )
            sizes[letter] = size
    unknown = [letter for letter in kernel if sizes.get(letter) is None]
    if unknown:
        raise ShapeError(
            f"EinsumDense: nothing tells the size of {unknown} in {equation!r}, for the input shape {input_shape}."
        )
    elided = len(input_shape) - len(read) if right else 0
    return tuple(sizes[letter] for letter in kernel), _bias_shape(bias_axes, written, sizes, elided)


def _bias_shape(bias_axes: str | None, written: str, sizes: dict, elided: int) -> tuple | None:
    """The bias's shape, with an axis of size 1 for each one that the equation leaves out on the right."""
    if not bias_axes:
        return None
    for letter in bias_axes:
        if letter not in written:
            raise ArgumentError(
                f"EinsumDense: Bias dimension '{letter}' was requested, but is not part of the output spec '{written}'."
            )
    first = min(written.index(letter) for letter in bias_axes)
    return tuple(sizes[letter] if letter in bias_axes else 1 for letter in written[first:]) + (1,) * elided
