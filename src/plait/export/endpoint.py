"""What is exported: a function of arrays, the variables it reads, and what its arguments are like.

An `Endpoint` is pure: what a call changes (counts of draws, statistics) is not carried on. Sizes that aren't known stand as
symbols: the first axis of all arguments is one symbol, `batch`; each other unknown size is a symbol of its own.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import export

from plait.common.dtypes import dtype_name, narrow
from plait.common.messages import describe
from plait.common.scope import scope
from plait.common.settings import settings
from plait.common.tree import flatten, map_structure_in_order
from plait.core.graph import graph_of
from plait.core.pure import pure
from plait.core.variable import Variable
from plait.errors import ArgumentError, StateError
from plait.layers.shapes import as_shapes


class Endpoint(NamedTuple):
    """A function that is exported.

    Attributes:
        name: what it is called there.
        function: it computes outputs from arguments.
        variables: what it reads.
        specs: for each argument, its `jax.ShapeDtypeStruct`s, in their structure.
        input_names: what the flat arguments are called.
    """

    name: str
    function: Callable
    variables: list[Variable]
    specs: tuple[Any, ...]
    input_names: list[str]

    def values(self) -> list[jax.Array]:
        """The values of the variables."""
        return [variable.value for variable in self.variables]

    def of_values(self, values: Sequence[Any], *args: Any) -> Any:
        """The outputs, with other values for the variables."""
        return pure(self.function, self.variables, carries=False)(values, *args)[0]

    def __call__(self, *args: Any) -> Any:
        """The outputs, with the variables' values as constants."""
        return self.of_values(self.values(), *args)


def endpoint_of_model(name: str, model: Any, input_signature: Any = None) -> Endpoint:
    """A model's or layer's call, for inference.

    Raises:
        StateError: it isn't built, or it takes text.
        ArgumentError: it doesn't tell what it takes, and no signature says it.
    """
    if not getattr(model, "built", True):
        raise StateError(f"Model {model.name!r} isn't built, so there is nothing to export. Call it on data first.")
    if getattr(model, "_part_on_host", None) is not None:
        raise StateError(
            f"Model {model.name!r} takes text, which no exported program can. Export the part of it that begins with numbers: "
            "model.between(start, end)."
        )
    graph = graph_of(model)
    names = list(model.input_names) if graph is not None else []
    if input_signature is None:
        input_signature = [graph.input_structure] if graph is not None else _signature_of_built(model)
    elif graph is not None and isinstance(input_signature, (list, tuple)) and 1 < len(input_signature) == len(names):
        input_signature = [list(input_signature)]  # a spec for each input, not for each argument

    def call(*args: Any) -> Any:
        with scope(training=False):
            return model(*args)

    return endpoint(name, call, list(model.variables), input_signature, names)


def _signature_of_built(model: Any) -> list:
    config = model.get_build_config() or {}
    shape = config.get("input_shape")
    if shape is None:
        raise ArgumentError(
            f"Model {model.name!r} doesn't tell what its inputs are like. Give export an "
            "input_signature=[plait.InputSpec(shape=(None, ...), dtype=...)], one for each argument."
        )

    def spec(shape: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((None, *shape[1:]), settings().floatx)  # type: ignore[arg-type]

    shape = as_shapes(shape)
    return [[spec(one) for one in shape] if shape and isinstance(shape[0], (list, tuple)) else spec(shape)]


def endpoint(
    name: str, function: Callable, variables: list[Variable], input_signature: Any, names: Sequence[str] = ()
) -> Endpoint:
    """A function, with its signature in any of the forms that Keras takes.

    Raises:
        ArgumentError: no signature, or one of something else than specs.
    """
    if input_signature is None:
        raise ArgumentError(
            f"Endpoint {name!r}: `input_signature` must say the shapes and dtypes of the arguments, such as "
            "[plait.InputSpec(shape=(None, 3), dtype='float32')]."
        )
    is_list = isinstance(input_signature, (list, tuple)) and not hasattr(input_signature, "shape")
    arguments = list(input_signature) if is_list else [input_signature]
    symbols = export.SymbolicScope()
    count = iter(range(1_000_000))
    specs = tuple(map_structure_in_order(lambda leaf: _spec(leaf, symbols, count), argument) for argument in arguments)
    flat = flatten(list(specs))
    if len(names) != len(flat):
        names = [f"arg_{index}" for index in range(len(flat))]
    return Endpoint(name, function, variables, specs, list(names))


def _spec(leaf: Any, symbols: Any, count: Any) -> jax.ShapeDtypeStruct:
    shape = getattr(leaf, "shape", None)
    if shape is None:
        raise ArgumentError(
            f"An input_signature is made of specs with a shape and a dtype (InputSpec, KerasTensor, tf.TensorSpec, arrays), but got "
            f"{describe(leaf)}."
        )
    sizes = []
    for axis, size in enumerate(shape):
        known = isinstance(size, (int, np.integer))
        sizes.append(str(size) if known else "batch" if axis == 0 else f"size{next(count)}")
    dtype = getattr(leaf, "dtype", None)
    dtype = narrow(dtype_name(getattr(dtype, "name", dtype) or settings().floatx))
    return jax.ShapeDtypeStruct(export.symbolic_shape(",".join(sizes), scope=symbols), dtype)
