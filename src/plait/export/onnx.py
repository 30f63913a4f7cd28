"""A model as an ONNX file, by jax2onnx.

jax2onnx translates the primitives of a traced function. A few that plait's programs use it does not know, or gets wrong; these
are written in others beforehand, by going through the traced program: choices by platform, loops that run backwards, pooling
windows, and padding.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from plait.common.tree import flatten
from plait.errors import ArgumentError
from plait.export.endpoint import Endpoint
from plait.saving.atomic import atomic_write

_CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "checkpoint", "remat")


def write_onnx(endpoint: Endpoint, path: Path, opset_version: int | None = None) -> None:
    """Writes an endpoint as an ONNX file.

    Args:
        endpoint: what is exported.
        path: where to.
        opset_version: of ONNX; jax2onnx's own, if None.

    Raises:
        ImportError: jax2onnx isn't installed.
        ArgumentError: the model has a step that jax2onnx cannot translate.
    """
    try:
        from jax2onnx import to_onnx
    except ImportError as error:
        raise ImportError("ONNX files are written by jax2onnx: pip install plait[onnx].") from error
    specs, structure = jax.tree.flatten(endpoint.specs)

    def flat(*leaves: Any) -> list:
        return flatten(endpoint(*jax.tree.unflatten(structure, leaves)))

    program = jax.make_jaxpr(flat)(*specs)
    options = {} if opset_version is None else {"opset": opset_version}
    try:
        model = to_onnx(
            lambda *leaves: _run(program.jaxpr, program.consts, leaves),
            specs,
            model_name=endpoint.name,
            input_names=endpoint.input_names,
            output_names=[f"output_{index}" for index in range(len(program.out_avals))],
            return_mode="proto",
            **options,
        )
    except NotImplementedError as error:
        raise ArgumentError(
            f"export: jax2onnx cannot translate a step of this model: {error} 'stablehlo' and 'tf_saved_model' hold any model."
        ) from error
    with atomic_write(path) as file:
        file.write(model.SerializeToString())


def _run(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any]) -> list:
    """Computes a traced program, with what jax2onnx lacks in other words."""
    known = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args]))

    def value(var: Any) -> Any:
        return var.val if hasattr(var, "val") else known[var]

    for equation in jaxpr.eqns:
        values = [value(var) for var in equation.invars]
        known.update(zip(equation.outvars, _step(equation.primitive, values, equation.params)))
    return [value(var) for var in jaxpr.outvars]


def _step(primitive: Any, values: list, params: dict) -> list:
    name = primitive.name
    inner = params.get("jaxpr") or params.get("call_jaxpr")
    if name in _CALLS and inner is not None:
        return _run(inner.jaxpr, inner.consts, values) if hasattr(inner, "consts") else _run(inner, (), values)
    if name == "platform_index":
        return [np.int32(next(i for i, names in enumerate(params["platforms"]) if names is None))]
    if name == "cond" and isinstance(values[0], np.integer):
        chosen = params["branches"][int(values[0])]
        return _run(chosen.jaxpr, chosen.consts, values[1:])
    if name == "scan" and params["reverse"]:
        return _forwards(primitive, values, params)
    if name in _REDUCTIONS and set(params["base_dilation"]) == {1}:
        return [_by_taps(values[0], *_REDUCTIONS[name], params)]
    if name == "pad" and not any(between for _, _, between in params["padding_config"]):
        return [_padded(values[0], values[1], [edges[:2] for edges in params["padding_config"]])]
    found = primitive.bind(*values, **params)
    return found if primitive.multiple_results else [found]


def _forwards(primitive: Any, values: list, params: dict) -> list:
    """A loop that runs backwards, as one that runs forwards over what is turned round."""
    carried = params["num_carry"]
    given = params["num_consts"] + carried
    turned = [jnp.flip(value, 0) for value in values[given:]]
    found = primitive.bind(*values[:given], *turned, **{**params, "reverse": False})
    return [*found[:carried], *(jnp.flip(value, 0) for value in found[carried:])]


_REDUCTIONS: dict[str, tuple[Callable, Callable]] = {
    "reduce_window_max": (lax.max, lambda dtype: -np.inf if dtype.kind == "f" else np.iinfo(dtype).min),
    "reduce_window_sum": (lax.add, lambda dtype: 0),
}


def _by_taps(x: Any, reduce: Callable, initial: Callable, params: dict) -> Any:
    """What windows give, one axis after another: of all windows at once the first element, the second, and so on."""
    x = _padded(x, np.asarray(initial(np.dtype(x.dtype)), x.dtype), params["padding"])
    windows = zip(params["window_dimensions"], params["window_strides"], params["window_dilation"])
    for axis, (size, stride, dilation) in enumerate(windows):
        if size > 1 or stride > 1:
            starts = np.arange(0, x.shape[axis] - (size - 1) * dilation, stride)
            x = functools.reduce(reduce, (jnp.take(x, starts + tap * dilation, axis=axis) for tap in range(size)))
    return x


def _padded(x: Any, filler: Any, padding: Sequence[tuple[int, int]]) -> Any:
    """An array with more, or with less, at its edges; axes of unknown size stay as they are."""
    for axis, (low, high) in enumerate(padding):
        if low or high:
            places = np.arange(-low, x.shape[axis] + high)
            inside = (places >= 0) & (places < x.shape[axis])
            taken = jnp.take(x, np.clip(places, 0, x.shape[axis] - 1), axis=axis)
            x = jnp.where(inside.reshape([-1 if i == axis else 1 for i in range(len(x.shape))]), taken, filler)
    return x
