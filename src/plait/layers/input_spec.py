"""What a layer accepts: rank, sizes of axes, dtype. Checked on every call, before anything is computed.

`note_call` says afterwards, of an error in a call, which layer was called with what.
"""

from typing import Any

from plait.common.dtypes import dtype_name
from plait.common.messages import describe, raise_all
from plait.common.registry import builtin
from plait.common.traits import is_of_plait
from plait.common.tree import flatten, is_nested
from plait.core.infer import known_shape
from plait.core.tensor import check_shape
from plait.errors import ArgumentError, PlaitError, ShapeError


@builtin("layers")
class InputSpec:
    """What one input of a layer must be like; what isn't given isn't checked.

    Args:
        dtype: its dtype.
        shape: its whole shape, None where anything goes.
        ndim: its exact rank.
        max_ndim: its largest rank.
        min_ndim: its smallest rank.
        axes: sizes by axis, such as `{-1: 32}`.
        allow_last_axis_squeeze: whether a last axis of size 1 may be missing, or be there too much.
        name: its name, for errors.
        optional: whether None may come in its place.

    >>> import numpy as np
    >>> InputSpec(min_ndim=2, axes={-1: 4}).problem_with(np.zeros((2, 3)))
    'expected axis -1 of input shape to have value 4, but received input with shape (2, 3)'
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = dtype_name(dtype) if dtype is not None else None
        self.shape = check_shape(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        if self.axes and (self.ndim is not None or max_ndim is not None):
            limit = (self.ndim if self.ndim is not None else max_ndim) or 0
            wrong = [axis for axis in self.axes if axis >= limit]
            if wrong:
                raise ArgumentError(
                    f"InputSpec: axis {wrong[0]} is greater than the maximum allowed value: {limit - 1}."
                )
        self.allow_last_axis_squeeze, self.name, self.optional = allow_last_axis_squeeze, name, optional

    def problem_with(self, x: Any) -> str | None:
        """What is wrong with a tensor, or None."""
        if x is None:
            return None if self.optional else "a tensor is needed, but got None"
        shape = known_shape(x)
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim and not self.allow_last_axis_squeeze:
            return f"expected ndim={self.ndim}, found ndim={rank}. Full shape received: {shape}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, found ndim={rank}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}, found ndim={rank}. Full shape received: {shape}"
        if self.dtype is not None and dtype_name(x.dtype) != self.dtype:
            return f"expected dtype={self.dtype}, found dtype={dtype_name(x.dtype)}"
        for axis, size in self.axes.items():
            if size is not None and -rank <= axis < rank and shape[axis] is not None and shape[axis] != size:
                return (
                    f"expected axis {axis} of input shape to have value {size}, but received input with shape {shape}"
                )
        return self._shape_problem(shape) if self.shape is not None else None

    def _shape_problem(self, shape: tuple) -> str | None:
        expected, found = self.shape or (), shape
        if self.allow_last_axis_squeeze:
            if expected and expected[-1] == 1 and len(found) == len(expected) - 1:
                expected = expected[:-1]
            elif found and found[-1] == 1 and len(found) == len(expected) + 1:
                found = found[:-1]
        agree = len(expected) == len(found) and all(
            a is None or b is None or a == b for a, b in zip(expected, found, strict=True)
        )
        return None if agree else f"expected shape={self.shape}, found shape={shape}"

    def get_config(self) -> dict:
        """The constructor's arguments."""
        names = (
            "dtype",
            "shape",
            "ndim",
            "max_ndim",
            "min_ndim",
            "axes",
            "allow_last_axis_squeeze",
            "name",
            "optional",
        )
        return {name: getattr(self, name) for name in names if not (name == "ndim" and self.shape is not None)}

    @classmethod
    def from_config(cls, config: dict) -> "InputSpec":
        """A spec from its config."""
        return cls(**config)

    def __repr__(self) -> str:
        shown = [f"{key}={value}" for key, value in vars(self).items() if value not in (None, False, {})]
        return f"InputSpec({', '.join(shown)})"


def check_inputs(spec: Any, inputs: Any, who: str) -> None:
    """Compares inputs with the specs of a layer, and lists all that is wrong at once.

    Raises:
        ShapeError: an input that the layer cannot take.
    """
    if type(spec) is InputSpec and not isinstance(inputs, (list, tuple, dict)):
        problem = spec.problem_with(inputs) if hasattr(inputs, "shape") or inputs is None else None
        if problem is not None:
            named = f" with name '{spec.name}'" if spec.name else ""
            raise ShapeError(f"Input 0{named} of layer {who} is incompatible with the layer: {problem}.")
        return
    specs, tensors = flatten(spec), flatten(inputs)
    if len(specs) != len(tensors):
        raise ShapeError(
            f"Layer {who} takes {len(specs)} input tensor{'s' if len(specs) > 1 else ''}, but got {len(tensors)}: {describe(inputs)}."
        )
    problems = []
    for index, (one, tensor) in enumerate(zip(specs, tensors, strict=True)):
        if one is None or (tensor is not None and not hasattr(tensor, "shape")):
            continue
        problem = one.problem_with(tensor)
        if problem is not None:
            named = f" with name '{one.name}'" if one.name else ""
            problems.append(f"Input {index}{named} of layer {who} is incompatible with the layer: {problem}.")
    if len(problems) == 1:
        raise ShapeError(problems[0])
    raise_all(ShapeError, f"Layer {who} cannot take these inputs", problems)


def note_call(layer: Any, path: str, error: Exception, args: tuple, kwargs: dict) -> None:
    """Notes on an error which layer was called with what.

    Raises:
        ArgumentError: instead of the error, where several tensors came for one.
    """
    refuse_structure(layer, error, args, kwargs)
    if getattr(error, "__notes__", None):
        return
    received = ", ".join(
        [describe(arg) for arg in args] + [f"{key}={describe(value)}" for key, value in kwargs.items()]
    )
    error.add_note(f"plait: in {type(layer).__name__} {path!r}, which received {received}")


def refuse_structure(layer: Any, error: Exception, args: tuple, kwargs: dict) -> None:
    """Says of an error in a layer of plait's that a list or dict of tensors came where it takes one.

    Raises:
        ArgumentError: that is the case.
    """
    first = args[0] if args else next(iter(kwargs.values()), None)
    told = isinstance(error, PlaitError) and not isinstance(error, ShapeError) and error.__cause__ is None
    if told or not is_nested(first) or layer._takes_structures or not is_of_plait(type(layer)):
        return
    raise ArgumentError(
        f"{type(layer).__name__} {layer.name!r}: its first argument must be one tensor, but got {describe(first)}. Call it on "
        "one of them, or join them first, as Concatenate does."
    ) from error
