"""Linear maps with a transposition of their own: what reverse mode runs is written by hand, and all else still works.

The tangent of a formulation is a linear map. JAX transposes it operation by operation, and that is not always the way
with the least work: a loop over time comes out adding to the gradients of its weights in every step, where one product
after the loop gives the same. `custom_vjp` says how to go back and takes forward mode away with it. Here a map says both,

    outputs = linear_map(forward, transpose, residuals, tangents)
    forward(residuals, tangents) -> outputs                       linear in the tangents
    transpose(residuals, cotangents of outputs) -> cotangents of tangents

and stands inside the rule of a `custom_jvp`. Both functions are made of plain JAX.

Life under jit: one primitive. Forward mode, and `vmap` over it, run `forward`; transposition runs `transpose`; what
differentiates the map by its residuals differentiates `forward`. So derivatives of every order exist.

What it is not: checked. That the two functions are transposes of each other is for tests to show.

Differs from `jax.custom_derivatives.linear_call`: that one has no derivative by its residuals, and no `vmap`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


def linear_map(forward: Callable, transpose: Callable, residuals: Any, tangents: Any) -> Any:
    """`forward(residuals, tangents)`, which reverse mode takes back by `transpose`.

    Args:
        forward: from residuals and tangents to outputs, linear in the tangents.
        transpose: from residuals and cotangents of the outputs to cotangents of the tangents.
        residuals: a tree of arrays.
        tangents: a tree of arrays.

    Returns:
        the outputs, a tree of arrays.

    >>> import jax.numpy as jnp
    >>> def scaled(x):
    ...     return linear_map(lambda r, t: r * t, lambda r, c: r * c, jnp.array(3.0), x)
    >>> float(scaled(2.0)), float(jax.grad(scaled)(2.0)), float(jax.jvp(scaled, (2.0,), (1.0,))[1])
    (6.0, 3.0, 3.0)
    """
    fixed, fixed_tree = jax.tree.flatten(residuals)
    moving, moving_tree = jax.tree.flatten(tangents)
    outputs = jax.eval_shape(forward, residuals, tangents)
    specs, outputs_tree = jax.tree.flatten(outputs)

    def flat_forward(*arrays: Any) -> list:
        parts = arrays[: len(fixed)], arrays[len(fixed) :]
        return jax.tree.leaves(forward(fixed_tree.unflatten(parts[0]), moving_tree.unflatten(parts[1])))

    def flat_transpose(fixed: Sequence, cotangents: Sequence) -> list:
        back = transpose(fixed_tree.unflatten(fixed), outputs_tree.unflatten(cotangents))
        return moving_tree.flatten_up_to(back)

    shapes = tuple((spec.shape, spec.dtype) for spec in specs)
    flat = _map.bind(*fixed, *moving, forward=flat_forward, transpose=flat_transpose, count=len(fixed), shapes=shapes)
    return outputs_tree.unflatten(flat)


_map = Primitive("linear_map")
_map.multiple_results = True


def _run(*arrays: Any, forward: Callable, **_: Any) -> list:
    return forward(*arrays)


def _abstract(*arrays: Any, shapes: tuple, **_: Any) -> list:
    return [ShapedArray(shape, dtype) for shape, dtype in shapes]


def _jvp(primals: Sequence, tangents: Sequence, *, forward: Callable, count: int, **options: Any) -> tuple[list, list]:
    bind = partial(_map.bind, forward=forward, count=count, **options)
    values = bind(*primals)
    if all(isinstance(tangent, ad.Zero) for tangent in tangents[:count]):
        moving = [ad.instantiate_zeros(tangent) for tangent in tangents[count:]]
        return values, bind(*primals[:count], *moving)
    whole = [ad.instantiate_zeros(tangent) for tangent in tangents]
    return values, jax.jvp(forward, tuple(primals), tuple(whole))[1]


def _transposed(cotangents: Sequence, *arrays: Any, transpose: Callable, count: int, shapes: tuple, **_: Any) -> list:
    given = [ad.instantiate_zeros(cotangent) for cotangent in cotangents]
    back = transpose(arrays[:count], given)
    wanted = [
        cotangent if ad.is_undefined_primal(array) else None
        for array, cotangent in zip(arrays[count:], back, strict=True)
    ]
    return [None] * count + wanted


def _batched(arrays: Sequence, axes: Sequence, *, forward: Callable, **_: Any) -> tuple[list, list]:
    outputs = jax.vmap(forward, in_axes=tuple(axes))(*arrays)
    return outputs, [0] * len(outputs)


_map.def_impl(lambda *arrays, **options: jax.jit(partial(_run, **options))(*arrays))
_map.def_abstract_eval(_abstract)
ad.primitive_jvps[_map] = _jvp
ad.primitive_transposes[_map] = _transposed
batching.primitive_batchers[_map] = _batched
mlir.register_lowering(_map, mlir.lower_fun(_run, multiple_results=True))
