"""Convolutions in formulations that XLA runs fast on a CPU, alone and inside a loop; elsewhere XLA's own.

Four facts about XLA's CPU code (jaxlib 0.10) are behind every line here:

1. It has a fast convolution (Eigen's), but only for the layouts `N?C, ?IO -> N?C`. Others are turned into that one in the
   entry computation only: inside a `while` (a scan over training steps) they become scalar loops, 40 to 200 times
   slower. JAX's gradients of a convolution have other layouts. So we transpose the arrays ourselves.
2. Convolutions of 2-D images with more than 16 channels go to YNNPACK instead, which is 1.2 to 4 times slower than Eigen
   here; those whose input is dilated do not. Putting zeros between the rows of the image, and skipping them by stride
   and dilation, changes no value, and costs nothing, because Eigen never makes them.
3. A convolution of a few channels, or with strides, is better a matrix product: the gradient of its input is one product,
   then a sum of shifted slices.
4. Grouped convolutions and 3-D ones are several times slower than what they can be made of.

**How a derivative gets its formulation.** A convolution is linear in the input and in the kernel. `bilinear` gives each
of these two tangents a formulation of its own, chosen so that JAX's *transposition* of it is the fast program for
the gradient. Because nothing else is customised, forward mode, reverse mode, vmap and derivatives of any order work.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from plait.lowering.windows import Geometry, geometry, output_lengths, pad, tap_count, windows

Sizes = int | Sequence[int]
Padding = str | Sequence[Sequence[int]]


def conv(
    x: jax.Array,
    kernel: jax.Array,
    *,
    strides: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
) -> jax.Array:
    """Convolution in 1 to 3 dimensions (cross-correlation, as everywhere in deep learning).

    Args:
        x: (B, *S, C).
        kernel: (*K, C / groups, F).
        strides: the step on each spatial axis, or one for all.
        padding: "valid", "same", or a pair (before, after) for each spatial axis.
        dilation: the distance between taps on each spatial axis, or one for all.
        groups: into how many parts the channels and the filters are split; part i of the filters sees part i of C.

    Returns:
        (B, *O, F).

    Raises:
        ValueError: channels that do not fit the kernel and the groups; an unknown padding.
    """
    size = kernel.shape[:-2]
    if x.shape[-1] != kernel.shape[-2] * groups or kernel.shape[-1] % groups:
        raise ValueError(
            f"A kernel {kernel.shape} in {groups} group(s) takes {kernel.shape[-2] * groups} channels and gives a "
            f"multiple of {groups}, but the input has the shape {x.shape}."
        )
    return _conv(x, kernel, geometry(x.shape[1:-1], size, strides, padding, dilation), groups)


def depthwise_conv(
    x: jax.Array,
    kernel: jax.Array,
    *,
    strides: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
) -> jax.Array:
    """Convolution of each channel with kernels of its own.

    Args:
        x: (B, *S, C).
        kernel: (*K, C, M), M the multiplier of depth.
        strides, padding, dilation: as in `conv`.

    Returns:
        (B, *O, C * M); the M results of a channel are neighbours.
    """
    return _depthwise(x, kernel, geometry(x.shape[1:-1], kernel.shape[:-2], strides, padding, dilation))


def conv_transpose(
    x: jax.Array,
    kernel: jax.Array,
    *,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    dilation: Sizes = 1,
) -> jax.Array:
    """The transposed convolution: each element of the input adds a scaled kernel to the output.

    Args:
        x: (B, *S, C).
        kernel: (*K, F, C).
        strides: the distance, in the output, of neighbours of the input.
        padding: "valid", or "same" (the output is `strides` times as long).
        output_padding: added to the output's length, which is then fixed by it: (S - 1) * strides + K + output_padding
            for "valid", and K - K % 2 less for "same", K being the kernel's length with dilation.
        dilation: the distance between taps on each spatial axis, or one for all.

    Returns:
        (B, *O, F).
    """
    size = kernel.shape[:-2]
    forward = geometry(x.shape[1:-1], size, strides, "valid", dilation)
    added = (None,) * len(size) if output_padding is None else geometry((), size, output_padding, "valid").strides
    spans = [
        _transpose_span(length, (taps - 1) * distance + 1, step, padding.lower(), extra)
        for length, taps, step, distance, extra in zip(x.shape[1:-1], size, forward.strides, forward.dilation, added)
    ]
    return _conv_transpose(x, kernel, forward._replace(pads=tuple(spans)))
