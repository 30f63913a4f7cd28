"""Convolutions in formulations that XLA runs fast on a CPU, alone and inside a loop; elsewhere XLA's own.

Four facts about XLA's CPU code (jaxlib 0.10) are behind every line here:

1. It has a fast convolution (Eigen's), but only for the layouts `N?C, ?IO -> N?C`. Others are turned into that one in the
   entry computation only: inside a `while` (a scan over training steps) they become scalar loops, 40 to 200 times
   slower. JAX's gradients of a convolution have other layouts. So we transpose the arrays ourselves.
2. Convolutions of 2-D images without padding, and gradients of kernels, go to YNNPACK instead, which from 16 channels on
   is 1.3 to 3 times slower than Eigen here; those whose input is dilated do not. Putting zeros between the rows of the
   image, and skipping them by stride and dilation, changes no value, and costs nothing, because Eigen never makes them.
   Where YNNPACK is as fast, or not in question, the zeros cost up to half of the speed, so they stay out.
3. A convolution of a few channels, or with strides, is better a matrix product: the gradient of its input is one product,
   then a sum of shifted slices.
4. Grouped convolutions and 3-D ones are several times slower than what they can be made of.

**How a derivative gets its formulation.** A convolution is linear in the input and in the kernel. `_bilinear` gives each
of these two tangents a formulation of its own, chosen so that JAX's *transposition* of it is the fast program for
the gradient. Because nothing else is customised, forward mode, reverse mode, vmap and derivatives of any order work.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from plait.lowering.linear import linear_map
from plait.lowering.products import product
from plait.lowering.windows import Geometry, geometry, one_an_axis, output_lengths, pad, tap_count, windows

Sizes = int | Sequence[int]
Padding = str | Sequence[Sequence[int]]

_SOME_CHANNELS = 16  # fewer, and YNNPACK's convolution is the faster one
_MANY_CHANNELS = 32  # the same, for images that are padded
_CACHED = 65536  # elements of which a loop over images takes as many as it can


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
    lies = geometry(x.shape[1:-1], size, strides, padding, dilation)
    if groups == x.shape[-1] > 1:  # a group a channel: as many convolutions would take XLA minutes to compile
        return _depthwise(x, kernel.reshape(*size, groups, -1), lies, groups)
    return _conv(x, kernel, lies, groups)


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
    lies = geometry(x.shape[1:-1], kernel.shape[:-2], strides, padding, dilation)
    return _depthwise(x, kernel, lies, x.shape[-1])


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
    forward = geometry((), size, strides, [(0, 0)] * len(size), dilation)
    extra = [None] * len(size) if output_padding is None else one_an_axis(output_padding, len(size), "output_padding")
    spans = [(taps - 1) * distance + 1 for taps, distance in zip(size, forward.dilation)]
    cuts = tuple(_cut(span, step, padding.lower(), more) for span, step, more in zip(spans, forward.strides, extra))
    if any(step > 1 for step in forward.strides):
        return _strided_transpose(x, kernel, forward._replace(pads=cuts))
    pads = tuple((span - 1 - before, span - 1 - after) for span, (before, after) in zip(spans, cuts))
    return _conv(x, _flipped(kernel), forward._replace(pads=pads), 1)


# ── The machinery: two derivatives, two platforms ───────────────────────────────────────

Formulation = Callable[[jax.Array, jax.Array, Geometry, int], jax.Array]


def _bilinear(product: Formulation, along_input: Formulation, along_kernel: Formulation) -> Formulation:
    """A product of input and kernel whose two derivatives have formulations of their own.

    Args:
        product: (x, kernel, geometry, groups) -> result.
        along_input: the same function; its transposition in x is the program for the gradient of the input.
        along_kernel: the same function; its transposition in the kernel is the program for the kernel's gradient.

    Nothing is kept for the gradient but x and the kernel: what is made of them is made again (`jax.checkpoint`).
    """

    @partial(jax.custom_jvp, nondiff_argnums=(2, 3))
    def call(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
        return product(x, kernel, geometry, groups)

    def derivative(geometry: Geometry, groups: int, primals: tuple, tangents: tuple) -> tuple:
        (x, kernel), (x_tangent, kernel_tangent) = primals, tangents
        result = call(x, kernel, geometry, groups)
        terms = []
        if not _is_zero(x_tangent):
            terms.append(_remade(along_input)(x_tangent, kernel, geometry, groups))
        if not _is_zero(kernel_tangent):
            terms.append(_remade(along_kernel)(x, kernel_tangent, geometry, groups))
        return result, sum(terms) if terms else jnp.zeros_like(result)

    call.defjvp(derivative, symbolic_zeros=True)
    return jax.jit(call, static_argnums=(2, 3), inline=True)


def _is_zero(tangent: Any) -> bool:
    return isinstance(tangent, jax.custom_derivatives.SymbolicZero)


def _remade(formulation: Callable) -> Callable:
    return jax.checkpoint(formulation, prevent_cse=False, static_argnums=(2, 3))


def _by_platform(cpu: Formulation, default: Formulation) -> Formulation:
    def formulation(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
        static = {"geometry": geometry, "groups": groups}
        return lax.platform_dependent(x, kernel, cpu=partial(cpu, **static), default=partial(default, **static))

    return formulation


def stock(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
    """XLA's own convolution."""
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.strides,
        geometry.pads,
        rhs_dilation=geometry.dilation,
        feature_group_count=groups,
        dimension_numbers=_layout("N?C", "?IO", "N?C", rank=len(geometry.strides)),
    )


def _layout(*specs: str, rank: int) -> Any:
    return tuple(spec.replace("?", "DHW"[-rank:]) for spec in specs)


# ── Convolution ─────────────────────────────────────────────────────────────────────────


def _product(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    if tap_count(kernel.shape[:-2]) == 1:
        return _columns_product(x, kernel, geometry)
    return _canonical(x, kernel, geometry, ("N?C", "?IO", "N?C"), _spreads(kernel.shape[-2], geometry))


def _along_input(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """Transposed in x: a convolution of the gradient with the flipped kernel, or a product and shifted sums.

    The product is 2 to 4 times as fast for few channels (XLA's convolution makes one at the price of 16), and for
    strides (the convolution multiplies with the zeros between).
    """
    taps, strided = tap_count(kernel.shape[:-2]), any(step > 1 for step in geometry.strides)
    if taps == 1 or (taps <= 32 and (strided or kernel.shape[-2] <= 8)):
        return _columns_product(x, kernel, geometry)
    spread = not strided and _spreads(kernel.shape[-1], geometry)
    return _canonical(x, jnp.swapaxes(kernel, -1, -2), geometry, ("N?C", "?OI", "N?C"), spread)


def _along_kernel(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """Transposed in the kernel: a convolution of the input, channels taken for images, with the gradient for kernel."""
    if tap_count(kernel.shape[:-2]) == 1:
        return _columns_product(x, kernel, geometry)
    images, kernel = _turned(x), jnp.moveaxis(kernel, -2, 0)
    result = _canonical(images, kernel, geometry, ("C?N", "I?O", "?NC"), spread=x.shape[0] >= _SOME_CHANNELS)
    return jnp.moveaxis(result, -2, 0)


def _turned(x: jax.Array) -> jax.Array:
    """(B, *S, C) -> (C, *S, B), from memory.

    XLA would fuse what made x (a normalisation, an activation) into the transposition, though x is at hand, and make it
    again with strides in memory: 3 to 10 times as slow. A choice that it cannot foresee keeps it from that, where its
    own barrier does not; both ways are the same.
    """
    if x.size == 0:
        return _turn(x)
    return lax.cond(x.reshape(-1)[0] > 0, _turn, _turn, x)


def _turn(x: jax.Array) -> jax.Array:
    return jnp.swapaxes(x, 0, -1)


def _spreads(channels: int, geometry: Geometry) -> bool:
    """Whether Eigen's convolution is the faster one: with padding, YNNPACK's is as fast up to 24 channels."""
    padded = any(before or after for before, after in geometry.pads)
    return channels >= (_MANY_CHANNELS if padded else _SOME_CHANNELS)


def _canonical(
    x: jax.Array, kernel: jax.Array, geometry: Geometry, layout: tuple[str, str, str], spread: bool
) -> jax.Array:
    """A convolution of arrays in some layout; `spread` keeps it off YNNPACK (see 2. at the top of the file)."""
    rank = len(geometry.strides)
    zeros = (2, 1) if spread and rank == 2 else (1,) * rank
    return lax.conv_general_dilated(
        x,
        kernel,
        [step * m for step, m in zip(geometry.strides, zeros)],
        [(before * m, after * m) for (before, after), m in zip(geometry.pads, zeros)],
        lhs_dilation=zeros,
        rhs_dilation=[distance * m for distance, m in zip(geometry.dilation, zeros)],
        dimension_numbers=_layout(*layout, rank=rank),
    )


def _columns_product(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """One matrix product: all that a window sees, laid side by side, by the kernel as a matrix."""
    slices = windows(x, kernel.shape[:-2], geometry)
    columns = slices[0] if len(slices) == 1 else jnp.concatenate(slices, -1)
    return product(columns, kernel.reshape(-1, kernel.shape[-1]))


def _any_rank(fast: Callable[[jax.Array, jax.Array, Geometry], jax.Array]) -> Formulation:
    """Makes a formulation for one group and at most two dimensions one for all."""

    def cpu(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
        if len(geometry.strides) == 3:
            places = output_lengths(x, kernel.shape[:-2], geometry)
            flat = cpu(*_flatten_depth(x, kernel, geometry, groups), groups=groups)
            return flat.reshape(x.shape[0], *places, kernel.shape[-1])
        if groups == 1:
            return fast(x, kernel, geometry)
        parts = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1))
        return jnp.concatenate([fast(part, its_kernel, geometry) for part, its_kernel in parts], -1)

    return cpu


def _flatten_depth(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> tuple:
    """A 3-D convolution as a 2-D one: (B, D, H, W, C) becomes (B * O, H, W, taps in depth * C)."""
    strides, pads, dilation = geometry
    depth = Geometry((strides[0], 1, 1), (pads[0], (0, 0), (0, 0)), (dilation[0], 1, 1))
    slices = windows(x, (kernel.shape[0], 1, 1), depth)
    parts = zip(*(jnp.split(one, groups, -1) for one in slices))
    x = jnp.concatenate([jnp.concatenate(part, -1) for part in parts], -1)
    kernel = jnp.moveaxis(kernel, 0, 2)
    kernel = kernel.reshape(*kernel.shape[:2], -1, kernel.shape[-1])
    return x.reshape(-1, *x.shape[2:]), kernel, Geometry(strides[1:], pads[1:], dilation[1:])


_conv = _bilinear(*(_by_platform(_any_rank(fast), stock) for fast in (_product, _along_input, _along_kernel)))


# ── Depthwise convolution ───────────────────────────────────────────────────────────────


def _depthwise_taps(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
    """The sum over the taps of slice times weight, fused by XLA into one pass."""
    size, multiplier = kernel.shape[:-2], kernel.shape[-1]
    exact = jnp.promote_types(x.dtype, jnp.float32)  # half precision is summed in float32, as XLA's convolution does
    weights = kernel.reshape(-1, groups * multiplier).astype(exact)
    slices = windows(_repeated(x, multiplier), size, geometry)
    total: Any = sum(one * weight for one, weight in zip(slices, weights, strict=True))
    return total.astype(x.dtype)


def _repeated(x: jax.Array, multiplier: int) -> jax.Array:
    return jnp.repeat(x, multiplier, axis=-1) if multiplier > 1 else x


def _depthwise_along_kernel(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
    """The same, with a transposition in the kernel that keeps its sums in the processor's cache.

    A sum over images and places is a pass over the memory for each tap. Here a few images at a time are multiplied by
    their slopes and added to sums of the size of these images, one a tap; the sums over places come after the loop.
    """

    def forward(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return _depthwise_taps(x, kernel, geometry, groups)

    def transpose(x: jax.Array, slope: jax.Array) -> jax.Array:
        exact = jnp.promote_types(x.dtype, jnp.float32)
        padded, inside = pad(_repeated(x, kernel.shape[-1]), geometry.pads), geometry._replace(pads=_no_pads(geometry))
        count = _images_at_once(slope.shape)
        size = kernel.shape[:-2]

        def add(part: Any, sums: list) -> list:
            images, slopes = (lax.dynamic_slice_in_dim(a, part * count, count) for a in (padded, slope.astype(exact)))
            return [total + one * slopes for total, one in zip(sums, windows(images, size, inside), strict=True)]

        zeros = [jnp.zeros((count, *slope.shape[1:]), exact)] * tap_count(size)
        sums = lax.fori_loop(0, x.shape[0] // count, add, zeros)
        found = jnp.stack([total.sum(range(total.ndim - 1)) for total in sums])
        return found.reshape(kernel.shape).astype(kernel.dtype)

    return linear_map(forward, transpose, x, kernel)


def _no_pads(geometry: Geometry) -> tuple:
    return ((0, 0),) * len(geometry.pads)


def _images_at_once(shape: Sequence[int]) -> int:
    """How many images a pass takes: a divisor of their number, as many as have the size of a cache."""
    most = max(_CACHED // max(math.prod(shape[1:]), 1), 1)
    return max((count for count in range(1, min(most, shape[0]) + 1) if shape[0] % count == 0), default=1)


def _depthwise_stock(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
    return stock(x, kernel.reshape(*kernel.shape[:-2], 1, -1), geometry, groups)


_depthwise = _bilinear(
    _by_platform(_depthwise_taps, _depthwise_stock),
    _by_platform(_depthwise_taps, _depthwise_stock),
    _by_platform(_depthwise_along_kernel, _depthwise_stock),
)


# ── Transposed convolution ──────────────────────────────────────────────────────────────
# Geometry here is that of the convolution of which it is the transposition: pads are what is cut from the result.


def _cut(span: int, step: int, padding: str, added: int | None) -> tuple[int, int]:
    """How much is cut (or, where negative, added) before and after the whole result on one axis."""
    if padding not in ("valid", "same"):
        raise ValueError(f"padding must be 'valid' or 'same', not {padding!r}.")
    if padding == "valid":
        return 0, min(span - step, 0) if added is None else -added
    total = span - step if added is None else span - span % 2 - added
    before = max(total, 0) // 2
    return before, total - before


@partial(jax.jit, static_argnums=2, inline=True)
@partial(jax.checkpoint, prevent_cse=False, static_argnums=2)
def _strided_transpose(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    cpu, default = partial(_scatter, geometry=geometry), partial(_stock_transpose, geometry=geometry)
    return lax.platform_dependent(x, kernel, cpu=cpu, default=default)


def _scatter(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """One matrix product, then each tap's part of it goes where the tap points to."""
    filters = kernel.shape[-2]
    taps = list(itertools.product(*map(range, kernel.shape[:-2])))
    columns = product(x, kernel.reshape(-1, kernel.shape[-1]).T)
    total: Any = 0
    for index, tap in enumerate(taps):
        part = columns[..., index * filters : (index + 1) * filters]
        total = total + lax.pad(part, jnp.zeros((), x.dtype), _placement(tap, kernel.shape[:-2], geometry))
    return total


def _placement(tap: tuple[int, ...], size: Sequence[int], geometry: Geometry) -> list[tuple[int, int, int]]:
    widths = []
    for i, taps, step, (before, after), distance in zip(tap, size, *geometry):
        widths.append((i * distance - before, (taps - 1 - i) * distance - after, step - 1))
    return [(0, 0, 0), *widths, (0, 0, 0)]


def _stock_transpose(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    spans = [(taps - 1) * distance for taps, distance in zip(kernel.shape[:-2], geometry.dilation)]
    return lax.conv_general_dilated(
        x,
        _flipped(kernel),
        (1,) * len(spans),
        [(span - before, span - after) for span, (before, after) in zip(spans, geometry.pads)],
        lhs_dilation=geometry.strides,
        rhs_dilation=geometry.dilation,
        dimension_numbers=_layout("N?C", "?IO", "N?C", rank=len(spans)),
    )


def _flipped(kernel: jax.Array) -> jax.Array:
    """(*K, F, C) -> (*K, C, F), each spatial axis turned round."""
    return jnp.swapaxes(jnp.flip(kernel, range(kernel.ndim - 2)), -1, -2)
