"""Inputs: where a graph begins."""

from typing import Any

from plait.common.dtypes import dtype_name
from plait.common.messages import describe, listing, warn
from plait.common.registry import builtin
from plait.common.settings import settings
from plait.core.graph import Node
from plait.core.tensor import KerasTensor, check_shape
from plait.errors import ArgumentError
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec


@builtin("layers")
class InputLayer(Layer):
    """The beginning of a graph: an operation without inputs, whose output a value is given for.

    Args:
        shape: the shape of one sample, without the batch axis.
        batch_size: the size of the batch axis, if it is known.
        dtype: the dtype that values are cast to; by default `floatx`.
        batch_shape: the whole shape, in place of `shape` and `batch_size`.
        input_tensor: a symbolic tensor to use as the output.
        optional: whether None may be given for it.
        name: its name, by which data may be given.

    Raises:
        ArgumentError: no shape, two shapes, or a size that can't be one.
    """

    _family = "input"

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name)
        if "input_shape" in kwargs:
            warn("Argument `input_shape` is deprecated. Use `shape` instead.", UserWarning)
            shape = kwargs.pop("input_shape")
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        kwargs.pop("trainable", None)
        if kwargs:
            raise ArgumentError(f"InputLayer: it takes no arguments {listing(kwargs)}.")
        for option, wanted in (("sparse", sparse), ("ragged", ragged)):
            if wanted:
                refused = (
                    "is not supported, because plait's tensors are dense"
                    if input_tensor is None
                    else (f"does not fit: you cannot provide an incompatible `{option}`, and `input_tensor` is dense")
                )
                raise ArgumentError(f"InputLayer {self.name!r}: `{option}=True` {refused}. Leave it out.")
        if input_tensor is not None:
            if not isinstance(input_tensor, KerasTensor):
                raise ArgumentError(
                    f"Input {self.name!r}: Argument `input_tensor` must be a KerasTensor, a symbolic tensor, but got "
                    f"{describe(input_tensor)}."
                )
            _check_tensor(input_tensor, shape, batch_size, dtype, batch_shape)
            shape, batch_size, batch_shape, dtype = None, None, input_tensor.shape, input_tensor.dtype
        self.batch_shape = _batch_shape(shape, batch_size, batch_shape, self.name)
        self._dtype = dtype_name(dtype) if dtype is not None else settings().floatx
        self.optional = optional
        self.sparse = self.ragged = False
        self.built = True
        tensor = input_tensor if input_tensor is not None else KerasTensor(self.batch_shape, self._dtype, name=name)
        if tensor.node is None:
            self._nodes.append(Node(self, (), {}, tensor))

    @property
    def dtype(self) -> str:
        """The dtype that values are cast to."""
        return self._dtype

    def call(self, *args: Any) -> Any:
        """An input computes nothing: a value is given for it."""
        return args[0] if args else None

    @property
    def input(self) -> Any:
        """Its output."""
        return self.output

    def get_config(self) -> dict:
        """The constructor's arguments, in the form of Keras's files."""
        return {
            "batch_shape": self.batch_shape,
            "dtype": self._dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": self.optional,
        }


def _check_tensor(tensor: KerasTensor, shape: Any, batch_size: int | None, dtype: Any, batch_shape: Any) -> None:
    """Refuses what contradicts a tensor that is given as the input."""
    wanted = {
        "shape": (shape, tuple(tensor.shape[1:])),
        "batch_size": (batch_size, tensor.shape[0] if tensor.shape else None),
        "dtype": (dtype and dtype_name(dtype), tensor.dtype),
        "batch_shape": (batch_shape, tuple(tensor.shape)),
    }
    for name, (given, own) in wanted.items():
        if given is not None and (tuple(given) if isinstance(given, list) else given) != own:
            raise ArgumentError(
                f"Input: you cannot provide an incompatible `{name}`: that of `input_tensor` is {own}, but got {given}."
            )


def _batch_shape(shape: Any, batch_size: int | None, batch_shape: Any, name: str) -> tuple:
    if shape is not None and batch_shape is not None:
        raise ArgumentError(f"Input {name!r}: You cannot pass both `shape` and `batch_shape` at the same time.")
    if batch_size is not None and batch_shape is not None:
        raise ArgumentError(f"Input {name!r}: You cannot pass both `batch_size` and `batch_shape` at the same time.")
    if shape is None and batch_shape is None:
        raise ArgumentError(f"Input {name!r}: You must pass a `shape` argument, such as shape=(784,).")
    if batch_shape is not None:
        return check_shape(batch_shape)
    return (batch_size, *check_shape(shape))


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor for a graph to begin with.

    Args:
        shape: the shape of one sample, without the batch axis; None for sizes that vary.
        batch_size: the size of the batch axis, if it is known.
        dtype: the dtype that values are cast to; by default `floatx`.
        sparse: only remembered: arrays here are dense.
        ragged: likewise.
        batch_shape: the whole shape, in place of `shape` and `batch_size`.
        name: its name, by which data may be given.
        tensor: a symbolic tensor to use.
        optional: whether None may be given for it.

    Raises:
        ArgumentError: no shape, two shapes, or a size that can't be one.

    >>> Input(shape=(32,), name="features")
    <KerasTensor shape=(None, 32), dtype=float32, sparse=False, ragged=False, name=features>
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        input_tensor=tensor,
        name=name,
        optional=optional,
    )
    return layer.output if layer._nodes else tensor  # type: ignore[return-value]


def input_layer_of(tensor: KerasTensor) -> InputLayer | None:
    """The Input that a symbolic tensor is of; None where it is something else's."""
    operation = tensor.node.operation if tensor.node is not None else None
    return operation if isinstance(operation, InputLayer) else None


def input_name(tensor: KerasTensor) -> str:
    """What data for an input tensor may be named by: its Input's name, or its own."""
    layer = input_layer_of(tensor)
    return layer.name if layer is not None else tensor.name


def input_spec_of(tensor: KerasTensor) -> InputSpec:
    """What a value for an input tensor must be like: any batch, and a last axis of size 1 may be missing."""
    return InputSpec(
        shape=(None, *tensor.shape[1:]) if tensor.shape else (),
        allow_last_axis_squeeze=True,
        name=input_name(tensor),
        optional=bool(getattr(input_layer_of(tensor), "optional", False)),
    )
