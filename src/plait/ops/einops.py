"""`rearrange`: reshaping and transposing, said in one pattern of named axes."""

import math
import re
from typing import Any

import jax.numpy as jnp

from plait.common.messages import describe, listing
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ShapeError


@op(module="keras.src.ops.einops", options=())
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Splits, reorders and merges axes as a pattern says.

    Args:
        tensor: a tensor.
        pattern: the axes before and after "->". Parentheses hold axes that are one in the tensor, "..." stands for any
            axes, and 1 for an axis of size 1.
        axes_lengths: the sizes of named axes, where the tensor's don't tell them.

    Raises:
        ArgumentError: a pattern that cannot be read, or whose sides name different axes.
        ShapeError: a tensor that doesn't fit the pattern.

    Source: Rogozhnikov, "Einops: Clear and Reliable Tensor Manipulations", 2022.

    >>> rearrange(jnp.ones((2, 3, 8)), "b h (w c) -> b c (h w)", c=2).shape
    (2, 2, 12)
    """
    tensor = convert_to_tensor(tensor)
    before, after = _sides(pattern, tensor.ndim)
    sizes = _sizes(tensor, pattern, before, axes_lengths)
    names = [name for group in before for name in group]
    order = [names.index(name) for group in after for name in group]
    split = tensor.reshape([sizes[name] for name in names])
    return jnp.transpose(split, order).reshape([math.prod(sizes[name] for name in group) for group in after])


def _sides(pattern: str, rank: int) -> tuple[list[list[str]], list[list[str]]]:
    named = len(_groups(pattern.partition("->")[0].replace("...", "")))
    rest = " ".join(f"_{index}_" for index in range(rank - named))
    left, arrow, right = pattern.replace("...", f" {rest} ").partition("->")
    before, after = _groups(left), _groups(right)
    names, wanted = (sorted(name for group in side for name in group) for side in (before, after))
    if not arrow or len(set(names)) != len(names) or names != wanted:
        raise ArgumentError(
            f"rearrange: both sides of the pattern must name the same axes, each once, but {pattern!r} has "
            f"{listing(names)} and {listing(wanted)}."
        )
    return before, after


def _groups(side: str) -> list[list[str]]:
    """The axes of one side: for each its parts, none for a 1."""
    groups: list[list[str]] = []
    inside = False
    for token in re.findall(r"\w+|\S", side):
        if token in "()":
            if inside == (token == "("):
                raise ArgumentError(f"rearrange: the parentheses of {side.strip()!r} don't match.")
            inside = not inside
            if inside:
                groups.append([])
        elif not (token == "1" or token.isidentifier()):
            raise ArgumentError(f"rearrange: {token!r} in {side.strip()!r} is no name of an axis.")
        elif inside:
            groups[-1] += [] if token == "1" else [token]
        else:
            groups.append([] if token == "1" else [token])
    if inside:
        raise ArgumentError(f"rearrange: the parentheses of {side.strip()!r} don't match.")
    return groups


def _sizes(tensor: Any, pattern: str, before: list[list[str]], axes_lengths: dict[str, int]) -> dict[str, Any]:
    if len(before) != tensor.ndim:
        raise ShapeError(f"rearrange: the pattern {pattern!r} has {len(before)} axes, but got {describe(tensor)}.")
    sizes: dict[str, Any] = dict(axes_lengths)
    for group, size in zip(before, tensor.shape, strict=True):
        unknown = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(unknown) > 1:
            raise ArgumentError(f"rearrange: give all but one of the sizes of {listing(unknown)} in {pattern!r}.")
        if unknown:
            sizes[unknown[0]] = size // known
        if isinstance(size, int) and math.prod(sizes[name] for name in group) != size:
            raise ShapeError(
                f"rearrange: an axis of size {size} cannot be divided as {pattern!r} says with {axes_lengths}."
            )
    return sizes
