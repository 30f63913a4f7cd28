"""Symbolic tensors: a shape, a dtype, a name, and where it comes from; nothing else.

A `KerasTensor` stands for a value that a graph will have when it runs. Layers and ops that are called on one don't
compute: they are recorded (`core/graph`), and hand back new symbolic tensors. An unknown size is None.

Life under jit: none. A program is traced from a graph with arrays; symbolic tensors never enter it.

What it is not: an array. Whatever needs a value raises, and says how to get one. Its operators are installed by
`core/operators`, because they record.

Differs from Keras: `==` is symbolic like the other comparisons, and NumPy arrays may stand on the left of an operator.
So that `tensor in tensors` works, the truth of an equality of two symbolic tensors is whether they are the same one.
"""

from typing import Any, NamedTuple

from plait.common.dtypes import dtype_name
from plait.common.messages import describe
from plait.common.names import auto_name
from plait.errors import ArgumentError, SymbolicError


class History(NamedTuple):
    """Where a symbolic tensor comes from, in Keras's terms: the operation, which of its calls, which output."""

    operation: Any
    node_index: int
    tensor_index: int


class KerasTensor:
    """A symbolic tensor.

    Args:
        shape: its sizes, batch axis included; None where unknown.
        dtype: its dtype.
        sparse: kept for Keras's sake; plait's tensors are dense.
        ragged: likewise.
        record_history: whether calls on it are recorded.
        name: its name; None makes one.

    >>> KerasTensor((None, 4), name="a")
    <KerasTensor shape=(None, 4), dtype=float32, sparse=False, ragged=False, name=a>
    """

    __array_ufunc__ = None  # NumPy leaves `array + tensor` to the tensor
    node: Any = None  # the core.graph.Node that makes it
    index: int = 0  # which output of that node it is
    _keras_mask: Any = None

    def __init__(
        self,
        shape: Any,
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
    ):
        self._shape = check_shape(shape)
        self._dtype = dtype_name(dtype)
        if sparse and ragged:
            raise ArgumentError("KerasTensor: cannot have `sparse=True` and `ragged=True` at the same time.")
        self._sparse, self._ragged = bool(sparse), bool(ragged)
        self.record_history = record_history
        self.name = auto_name("keras_tensor") if name is None else name

    @property
    def shape(self) -> tuple:
        """The sizes, batch axis included; None where unknown. Cannot be set."""
        return self._shape

    @property
    def dtype(self) -> str:
        """The dtype's name. Cannot be set."""
        return self._dtype

    @property
    def sparse(self) -> bool:
        """Whether it stands for a sparse tensor. Cannot be set."""
        return self._sparse

    @property
    def ragged(self) -> bool:
        """Whether it stands for a ragged tensor. Cannot be set."""
        return self._ragged

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("shape", "dtype", "sparse", "ragged"):
            raise AttributeError(
                f"The `{name}` attribute of KerasTensor is immutable. It follows from what makes the tensor {self.name!r}."
            )
        super().__setattr__(name, value)

    def __getstate__(self) -> dict:
        """All but the call that makes it, for copies and pickles: a graph brings its calls, and these link their tensors.

        An Input's tensor keeps its call, which has no others before it.
        """
        own = self.node is None or not self.node.inputs
        return (
            vars(self) if own else {name: value for name, value in vars(self).items() if name not in ("node", "index")}
        )

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._shape)

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self._shape)

    @property
    def _keras_history(self) -> History:
        if self.node is None:
            raise SymbolicError(f"KerasTensor {self.name!r}: no layer made it, so it has no history.")
        return History(self.node.operation, self.node.position, self.index)

    def __bool__(self) -> bool:
        operands = getattr(self.node, "equality", None)
        if operands is not None:
            return operands[0] is operands[1]
        raise self._no_value(
            "as a boolean. It was, in a Python `if`, `while` or `and`", "Use plait.ops.where or plait.ops.cond"
        )

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise self._no_value("by NumPy", "Use the function of the same name in plait.ops, or do it in a layer's `call`")

    def __len__(self) -> int:
        raise self._no_value("by len()", "Use tensor.shape[0], which is None where it is unknown")

    def __int__(self) -> int:
        raise self._no_value("as a Python integer", "Use plait.ops.cast")

    def __float__(self) -> float:
        raise self._no_value("as a Python float", "Use plait.ops.cast")

    def __index__(self) -> int:
        raise self._no_value("as a Python index", "Use plait.ops.take")

    def _no_value(self, where: str, instead: str) -> SymbolicError:
        return SymbolicError(
            f"KerasTensor {self.name!r} ({describe(self)}) is symbolic and doesn't have any actual numerical value yet, so it cannot be used "
            f"{where}. {instead}."
        )

    def __iter__(self) -> Any:
        if not self._shape or self._shape[0] is None:
            raise self._no_value("in a loop over an axis of unknown size", "Use plait.ops.scan or plait.ops.map")
        return (self[index] for index in range(self._shape[0]))  # type: ignore[index]

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return (
            f"<KerasTensor shape={self._shape}, dtype={self._dtype}, sparse={self.sparse}, ragged={self.ragged}, "
            f"name={self.name}>"
        )


def check_shape(shape: Any) -> tuple:
    """A shape as a tuple of ints and None.

    Raises:
        ArgumentError: something else stands in it, or a negative size.
    """
    try:
        sizes = tuple(shape)
    except TypeError:
        raise ArgumentError(
            f"A shape must be a tuple or list of sizes, but got {shape!r}. Did you mean ({shape},)?"
        ) from None
    checked = []
    for size in sizes:
        if size is not None:
            try:
                size = size.__index__()
            except (AttributeError, TypeError):
                size = -1
            if size < 0:
                raise ArgumentError(
                    f"Each size of a shape must be a number from 0 up, or None for unknown, but got {shape}."
                )
        checked.append(size)
    return tuple(checked)


def is_keras_tensor(x: Any) -> bool:
    """Whether a value is a symbolic tensor."""
    return isinstance(x, KerasTensor)


def any_symbolic(values: Any) -> bool:
    """Whether a symbolic tensor is among values, however deeply nested."""
    for value in values:
        if isinstance(value, KerasTensor):
            return True
        if isinstance(value, (list, tuple)):
            if any_symbolic(value):
                return True
        elif isinstance(value, dict) and any_symbolic(value.values()):
            return True
    return False
