"""The arrays of a layer in the files of Keras 1, 2 and TF.js, in the form of today's layers.

Verbs: `plan_for(layer, arrays, origin)` finds for each array its variable, and the change that its values need.

What changes: the gates of recurrent layers, once an array each, are joined; matrices of CuDNN are transposed; kernels of
Keras 1 stand in the order of Theano's axes; and kernels trained on Theano are turned round, for Theano computed
convolutions where all others compute correlations. Keras 2.0 to 2.3 turn the same ones when they load a file that says
`backend: theano`: those of Conv1D to Conv3D, Conv2DTranspose and ConvLSTM2D.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from plait.errors import FileError
from plait.saving.flat_weights import FlatArray
from plait.saving.legacy_config import major
from plait.saving.name_matching import leaves_of, match_variables, share_out

_CONVOLUTIONS = {"Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D"}


class Origin(NamedTuple):
    """The origin of a file: the version of Keras, and its backend."""

    version: str
    backend: str | None = None


class Part(NamedTuple):
    """Arrays and the variables that they go to.

    Attributes:
        name: the layer's.
        variables: where the values go.
        read: reads the values, in that order and in the variables' shapes.
    """

    name: str
    variables: Sequence[Any]
    read: Callable[[], list[np.ndarray]]


def plan_for(layer: Any, arrays: Mapping[str, FlatArray], origin: Origin) -> list[Part] | None:
    """Which variable of a layer takes which array: by names where all of these fit, else by order; None if neither fits.

    Args:
        layer: a layer, a wrapper, or a model.
        arrays: its arrays by name, in the file's order.
        origin: the file's origin.
    """
    return plan_by_names(layer, arrays, origin) or plan_by_order(layer, arrays, origin)


def plan_by_names(layer: Any, arrays: Mapping[str, FlatArray], origin: Origin) -> list[Part] | None:
    """Which variable takes which array, by names alone; None where these don't say it, or shapes don't fit."""
    leaves, names = leaves_of(layer), list(arrays)
    if not leaves:
        return None
    shares = [list(range(len(names)))] if len(leaves) == 1 else share_out(leaves, names)
    if shares is None:
        return None
    parts = []
    for leaf, share in zip(leaves, shares, strict=True):
        part = _part(leaf.layer, {names[index]: arrays[names[index]] for index in share}, origin)
        if part is None:
            return None
        parts.append(part)
    return parts


def plan_by_order(
    layer: Any, arrays: Mapping[str, FlatArray], origin: Origin, given: Sequence[Any] | None = None
) -> list[Part] | None:
    """Which variable takes which array, by an order: by default those that train first, else as they stand in the model."""
    shapes = [array.shape for array in arrays.values()]
    for order in (legacy_order(layer), layer.weights) if given is None else (given,):
        if [tuple(variable.shape) for variable in order] == shapes:
            by_variable = {id(v): (n, a) for v, (n, a) in zip(order, arrays.items(), strict=True)}
            parts = []
            for leaf in leaves_of(layer):
                own = dict(by_variable[id(variable)] for variable in legacy_order(leaf.layer))
                parts.append(_part(leaf.layer, own, origin, by_name=False))
            return parts if all(parts) else None
    part = _part(layer, dict(arrays), origin)
    return [part] if part is not None else None


def legacy_order(layer: Any) -> list:
    """The variables of a layer, those that train first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _part(layer: Any, arrays: dict[str, FlatArray], origin: Origin, by_name: bool = True) -> Part | None:
    """The plan for one layer; None where shapes don't fit."""
    shapes, mine = [array.shape for array in arrays.values()], legacy_order(layer)
    change = change_of(layer, shapes, origin)
    if change is not None:
        return Part(layer.name, mine, lambda: _changed(layer, change, arrays, shapes, origin)) if shapes else None
    orders = ((match_variables(layer, list(arrays)) or []) if by_name else [], mine, layer.weights)
    for order in orders:
        if order and [tuple(variable.shape) for variable in order] == shapes:
            return Part(layer.name, order, lambda: [array.read() for array in arrays.values()])
    return None


def _changed(layer: Any, change: Callable, arrays: dict, shapes: list, origin: Origin) -> list[np.ndarray]:
    wanted = [tuple(variable.shape) for variable in legacy_order(layer)]
    try:
        values = change([array.read() for array in arrays.values()])
    except (ValueError, IndexError, TypeError):
        values = []
    if [value.shape for value in values] != wanted:
        raise FileError(
            f"{layer.name!r}: its arrays of shapes {shapes} in a file of Keras {origin.version} cannot be made into {wanted}."
        )
    return values


# ---------------------------------------------------------------------------- changes of old layers


def change_of(layer: Any, shapes: list[tuple], origin: Origin) -> Callable | None:
    """What makes the arrays of an old layer into today's; None where they are as today's."""
    kind, mine = type(layer).__name__, [tuple(variable.shape) for variable in legacy_order(layer)]
    if not shapes or not mine:
        return None
    if hasattr(layer, "of_old"):
        return layer.of_old
    if kind == "Bidirectional" and shapes != mine:
        half = len(shapes) // 2
        ways = [
            change_of(way, part, origin)
            for way, part in zip(
                (layer.forward_layer, layer.backward_layer), (shapes[:half], shapes[half:]), strict=True
            )
        ]
        return (lambda v: [*ways[0](v[:half]), *ways[1](v[half:])]) if all(ways) else None  # type: ignore[misc]
    steps = [_axes(layer, kind, shapes, mine, origin), _gates(kind, shapes, mine), _turn(kind, origin)]
    steps = [step for step in steps if step is not None]
    return (lambda values: _apply(steps, values)) if steps else None


def _apply(steps: list[Callable], values: list[np.ndarray]) -> list[np.ndarray]:
    for step in steps:
        values = step(values)
    return values


def _gates(kind: str, shapes: list[tuple], mine: list[tuple]) -> Callable | None:
    """Joins the gates of recurrent layers."""
    if kind in ("LSTM", "ConvLSTM2D") and len(shapes) == 12:
        return lambda v: _joined(v, (0, 6, 3, 9))  # i, c, f, o in the file; i, f, c, o today
    if kind == "GRU" and len(shapes) == 9:
        return lambda v: _joined(v, (0, 3, 6))
    if shapes == mine or len(shapes) != 3 or len(shapes[2]) != 1:
        return None
    if kind == "LSTM" and shapes[2][0] == 2 * mine[2][0]:
        return lambda v: _from_cudnn(v, 4)
    if kind == "GRU" and len(mine[2]) == 2:
        return lambda v: _from_cudnn(v, 3)
    return None


def _joined(values: list[np.ndarray], starts: Sequence[int]) -> list[np.ndarray]:
    return [np.concatenate([values[start + part] for start in starts], axis=-1) for part in range(3)]


def _axes(layer: Any, kind: str, shapes: list[tuple], mine: list[tuple], origin: Origin) -> Callable | None:
    """Puts the axes of a kernel of Keras 1 in today's order: that goes by the order of the data, not by shapes."""
    if major(origin.version) > 1 or kind not in _CONVOLUTIONS:
        return None
    if kind == "Conv1D":
        return (lambda v: [_flat_kernel(v[0], mine[0]), *v[1:]]) if len(shapes[0]) == 4 else None
    first = layer.data_format == "channels_first"
    if kind == "Conv2DTranspose":
        order = (2, 3, 0, 1) if first else (0, 1, 3, 2)
    elif first or (kind != "ConvLSTM2D" and shapes[0] != mine[0]):
        order = (*range(2, len(mine[0])), 1, 0)
    else:
        return None
    return lambda v: [np.transpose(value, order) if value.ndim > 2 else value for value in v]


def _flat_kernel(kernel: np.ndarray, wanted: tuple) -> np.ndarray:
    """A kernel of Conv1D, which was two-dimensional once: (length, 1, C, F), and before that (F, C, length, 1)."""
    if kernel.shape[:2] != (wanted[0], 1) or kernel.shape[3] != wanted[2]:
        kernel = np.transpose(kernel, (2, 3, 1, 0))
    return kernel[:, 0]


def _turn(kind: str, origin: Origin) -> Callable | None:
    """Turns kernels round that were trained on Theano, along all axes but the channels'."""
    if origin.backend != "theano" or kind not in _CONVOLUTIONS:
        return None
    return lambda v: [np.flip(value, tuple(range(value.ndim - 2))) if value.ndim > 2 else value for value in v]


def _from_cudnn(values: list[np.ndarray], gates: int) -> list[np.ndarray]:
    """The weights of CuDNNLSTM and CuDNNGRU, whose matrices are transposed gate by gate, and whose biases are two."""
    kernel, recurrent, bias = values
    kernels = [part.T.reshape(part.shape, order="F") for part in np.split(kernel, gates, axis=1)]
    recurrents = [part.T for part in np.split(recurrent, gates, axis=1)]
    both = bias.reshape(2, -1)
    return [np.hstack(kernels), np.hstack(recurrents), both.sum(axis=0) if gates == 4 else both]
