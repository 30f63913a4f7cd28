"""A `with` block in which variables have other values, and nothing that is assigned outlives it."""

from collections.abc import Iterable
from typing import Any

from plait.common.messages import describe
from plait.common.scope import current, scope
from plait.core.variable import Variable
from plait.errors import ArgumentError, ShapeError


class StatelessScope(scope):
    """Gives variables other values for the length of a block, and keeps what is assigned to them apart.

    `plait.functional(model)` and `layer.stateless_call` do this for a whole model or layer; this is for code that wants
    to say itself what is assigned.

    Args:
        state_mapping: pairs of a variable and its value in the block.
        collect_losses: whether `add_loss` of layers adds to `losses` here.
        initialize_variables: kept for Keras's sake.

    Attributes:
        losses: what was added.

    >>> v = Variable(1.0)
    >>> with StatelessScope(state_mapping=[(v, 5.0)]) as block:
    ...     _ = v.assign_add(1.0)
    >>> float(block.get_current_value(v)), float(v)
    (6.0, 1.0)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ):
        self.state_mapping: dict = dict(current().bindings or {})
        self.collect_losses, self.initialize_variables = collect_losses, initialize_variables
        self.losses: list = []
        changes: dict[str, Any] = {"losses": self.losses} if collect_losses else {}
        super().__init__(bindings=self.state_mapping, **changes)
        for update in state_mapping or ():
            self.add_update(update)

    def __enter__(self) -> "StatelessScope":  # type: ignore[override]
        super().__enter__()
        return self

    def add_loss(self, loss: Any) -> None:
        """Adds a loss."""
        self.losses.append(loss)

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Gives a variable a value: a pair of both."""
        variable, value = update
        if not isinstance(variable, Variable):
            raise ArgumentError(
                f"StatelessScope: all keys in argument `mapping` must be Variable instances, but got {describe(variable)}."
            )
        if tuple(getattr(value, "shape", ())) != tuple(variable.shape):
            raise ShapeError(
                "StatelessScope: all values in argument `mapping` must be tensors with a shape that matches the variable's. "
                f"Variable {variable.path!r} has {variable.shape}, but got {describe(value)}."
            )
        with scope(bindings=self.state_mapping):
            variable.assign(value)

    def get_current_value(self, variable: Variable) -> Any:
        """The value of a variable here; None where nothing gave it one."""
        return self.state_mapping.get(variable)
