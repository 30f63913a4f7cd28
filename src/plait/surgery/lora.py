"""lora: low-rank adapters on the kernels of layers, from outside; merge_lora folds them back.

An adapted layer computes with `kernel + scale * a @ b` in place of its kernel; only a and b train, and they are small. The
layer itself knows nothing of it: while it runs, its kernel is bound to the sum, as a training step binds all weights.

Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, 2021.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from plait.common.dtypes import is_float
from plait.common.messages import listing
from plait.common.registry import register_keras_serializable
from plait.common.scope import current, scope
from plait.common.traits import of_plait
from plait.core.graph import graph_of
from plait.core.variable import Variable
from plait.errors import ArgumentError, FileError, StateError
from plait.layers.argument_checks import positive_integer
from plait.layers.base import Layer
from plait.layers.lora import adapted
from plait.layers.wrappers import Wrapper
from plait.models.model import Model
from plait.saving.atomic import atomic_write
from plait.surgery.replace import replace
from plait.surgery.targets import base_of, chosen, inner_ones, inside, once_each

_KERNELS = ("kernel", "embeddings")


@of_plait
@register_keras_serializable("plait")
class LowRank(Wrapper):
    """A layer whose kernels have low-rank adapters.

    Args:
        layer: a built layer with kernels, or with layers that have some (attention).
        rank: the inner size r of the adapters.
        alpha: they are scaled by alpha / rank; None is `rank`.

    Shapes: a kernel of sizes (..., ...) is seen as a matrix (D, H), split where the two sides are nearest in size; its
    adapters are a (D, r), drawn at random, and b (r, H), zeros: at first nothing changes.

    Raises:
        ArgumentError: a layer without kernels; a rank below 1.
    """

    def __init__(self, layer: Any, rank: int = 4, alpha: float | None = None, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.rank, self.alpha = positive_integer(rank, "LowRank", "rank"), alpha
        self.layer.trainable = False

    @property
    def kernels(self) -> list[Variable]:
        """The kernels of the layer and of the layers in it."""
        return _kernels(self.layer)

    @property
    def adapters(self) -> list[tuple[Variable, Variable]]:
        """The adapters a and b of each kernel."""
        return list(zip(self.down, self.up, strict=True))

    def build(self, *shapes: Any, **named: Any) -> None:
        if not self.layer.built:
            self.layer.build_for(named or {"input_shape": shapes[0]})
        if not self.kernels:
            names = [v.name for v in self.layer.weights]
            raise ArgumentError(
                f"LowRank: {self.layer.name!r} has no kernel to adapt; its weights are {listing(names)}."
            )
        self.down, self.up = [], []
        for index, kernel in enumerate(self.kernels):
            rows, columns = matrix_sizes(kernel.shape)
            self.down.append(self.add_weight((rows, self.rank), "he_uniform", name=f"down_{index}"))
            self.up.append(self.add_weight((self.rank, columns), "zeros", name=f"up_{index}"))

    def adapted(self) -> dict[Variable, Any]:
        """The kernels' values with what the adapters add."""
        scale = (self.rank if self.alpha is None else self.alpha) / self.rank
        pairs = zip(self.kernels, self.down, self.up, strict=True)
        return {k: adapted(k.value, a.value, b.value, scale) for k, a, b in pairs}

    def call(self, *args: Any, **kwargs: Any) -> Any:
        bindings, adapted = current().bindings, self.adapted()
        if bindings is None:
            with scope(bindings=adapted):
                return self.layer(*args, **kwargs)
        before = {kernel: bindings[kernel] for kernel in adapted if kernel in bindings}
        bindings.update(adapted)
        try:
            return self.layer(*args, **kwargs)
        finally:
            for kernel in adapted:
                bindings.pop(kernel)
            bindings.update(before)

    def merge(self) -> Layer:
        """The layer, with what the adapters add folded into its kernels."""
        for kernel, value in self.adapted().items():
            kernel.assign(value)
        for _, b in self.adapters:
            b.assign(b.value * 0)
        return self.layer


def matrix_sizes(shape: tuple) -> tuple[int, int]:
    """The two sides of a kernel as a matrix: split where they are nearest in size.

    >>> matrix_sizes((3, 3, 64, 64)), matrix_sizes((128, 4, 32))
    ((576, 64), (128, 128))
    """
    splits = [(math.prod(shape[:i]), math.prod(shape[i:])) for i in range(1, len(shape))]
    return min(splits, key=lambda sides: max(sides) / min(sides))


def lora(model: Model, pattern: Any = "*", rank: int = 4, alpha: float | None = None, share: bool = True) -> Model:
    """Makes a model whose layers have low-rank adapters; what they adapt is frozen, everything else stays as it is.

    Args:
        model: a model with a graph.
        pattern: names of layers, also in inner models (`"encoder/dense"`), a function of a layer, or a list of these. Layers without
            kernels are left alone; an inner model that is meant is adapted inside.
        rank: the inner size of the adapters.
        alpha: they are scaled by alpha / rank; None is `rank`.
        share: whether the weights are shared with the model; False gives copies.

    Raises:
        NameUnknownError: a pattern that no layer fits.
        ArgumentError: no layer with a kernel among them.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((64,)), plait.layers.Dense(64, name="wide")])
    >>> adapted = lora(model, "wide", rank=2)
    >>> sum(v.size for v in adapted.trainable_weights)
    256
    """
    positive_integer(rank, "lora", "rank")
    return _with_adapters(
        base_of(model, share), pattern, once_each(lambda layer: LowRank(layer, rank, alpha, name=layer.name))
    )


def _with_adapters(base: Model, pattern: Any, adapt: Callable[[Layer], Layer]) -> Model:
    inner, rest = inside(base, pattern)
    if inner:
        return replace(base, inner_ones(inner), lambda one: _with_adapters(one, rest, adapt))
    meant = [layer for layer in chosen(base, pattern, "lora") if isinstance(layer, Layer) and _adaptable(layer)]
    if not meant:
        raise ArgumentError(f"lora: none of the layers of {base.name!r} that {pattern!r} means has a kernel to adapt.")
    return replace(
        base,
        inner_ones(meant),
        lambda layer: adapt(layer) if graph_of(layer) is None else _with_adapters(layer, "*", adapt),
    )


def _adaptable(layer: Layer) -> bool:
    return bool(_kernels(layer))


def _kernels(layer: Layer) -> list[Variable]:
    """The kernels of a layer and of those in it; not those of integers, to which `layer.enable_lora` adds adapters."""
    return [v for v in layer.weights if v.name in _KERNELS and len(v.shape) > 1 and is_float(v.dtype)]


def merge_lora(model: Model, share: bool = True) -> Model:
    """Makes the model without adapters that computes the same: they are folded into the kernels.

    Args:
        model: what `lora` made.
        share: whether the weights are shared with the model; False gives copies.

    Raises:
        StateError: there are no adapters.
    """
    base = base_of(model, share)
    if not list(_adapted_layers(base)):
        raise StateError(f"merge_lora: {model.name!r} has no adapters. plait.surgery.lora makes them.")

    @once_each
    def plain(layer: Any) -> Any:
        return layer.merge() if isinstance(layer, LowRank) else merge_lora(layer)

    def holds(layer: Any) -> bool:
        return isinstance(layer, LowRank) or (graph_of(layer) is not None and any(_adapted_layers(layer)))

    return replace(base, holds, plain)


def _adapted_layers(model: Any) -> Iterator[LowRank]:
    return (layer for layer in model._flatten_layers() if isinstance(layer, LowRank))


def save_lora(model: Model, path: Any) -> None:
    """Writes the adapters only, as arrays by the names of layers (`.npz`).

    Raises:
        StateError: there are no adapters.
    """
    arrays = {
        f"{index}/{layer.name}/{v.name}": v.numpy()
        for index, layer in enumerate(_adapted_layers(model))
        for v in (*layer.down, *layer.up)
    }
    if not arrays:
        raise StateError(f"save_lora: {model.name!r} has no adapters. plait.surgery.lora makes them.")
    with atomic_write(path) as file:
        np.savez(file, **arrays)


def load_lora(model: Model, path: Any) -> None:
    """Reads adapters that `save_lora` wrote into a model that `lora` made in the same way.

    Raises:
        FileError: other adapters than the model has; lists what differs.
    """
    wanted = {
        f"{index}/{layer.name}/{v.name}": v
        for index, layer in enumerate(_adapted_layers(model))
        for v in (*layer.down, *layer.up)
    }
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
        found = {name: stored[name] for name in stored.files}
    different = {n for n in wanted.keys() & found.keys() if tuple(wanted[n].shape) != found[n].shape}
    problems = sorted((wanted.keys() ^ found.keys()) | different)
    if problems:
        raise FileError(
            f"load_lora: the adapters in {str(path)!r} are not those of {model.name!r}: {listing(problems)}."
        )
    for name, variable in wanted.items():
        variable.assign(found[name])
