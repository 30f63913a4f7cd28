"""`tf.Variable`: plait's variable under TensorFlow's arguments, with the methods that programs call on one."""

from typing import Any

import jax.numpy as jnp

from plait.compat.tensorflow_calls import as_tensor
from plait.compat.tensors import TensorShape
from plait.core.variable import Variable as PlaitVariable


class _VariableKind(type):
    """A layer's weights are plait's variables, and `isinstance` says that they are variables of TensorFlow's."""

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, PlaitVariable)


class Variable(PlaitVariable, metaclass=_VariableKind):
    """A variable.

    Args:
        initial_value: its value, or a function without arguments that returns it.
        trainable: whether a tape watches it, and training changes it.
        validate_shape: kept for TensorFlow's sake, like all that isn't named here.
        caching_device: likewise.
        name: its name; what TensorFlow allows in one ("/" and ":") becomes "_".
        variable_def: likewise.
        dtype: its dtype.
        **options: likewise.

    >>> v = Variable(initial_value=[[1.0, 2.0]])
    >>> _ = v[0, 1].assign(5.0)
    >>> v.numpy().tolist()
    [[1.0, 5.0]]
    """

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = True,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        **options: Any,
    ):
        value = initial_value() if callable(initial_value) and not hasattr(initial_value, "shape") else initial_value
        name = None if name is None else str(name).replace("/", "_").replace(":", "_")
        trainable = True if trainable is None else trainable
        super().__init__(as_tensor(value, dtype), trainable=trainable, autocast=False, name=name)
        self.shape = TensorShape(self.shape)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        part.assign = lambda value: self.assign(self.value.at[key].set(jnp.asarray(value, self.dtype)))
        part.assign_add = lambda value: self.assign(self.value.at[key].add(jnp.asarray(value, self.dtype)))
        part.assign_sub = lambda value: self.assign(self.value.at[key].add(-jnp.asarray(value, self.dtype)))
        return part


def read_value(variable: PlaitVariable) -> Any:
    """The value."""
    return variable.value


def scatter_nd(how: str) -> Any:
    """A method that changes the values at places that are given by several numbers each."""

    def update(variable: PlaitVariable, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Changes the values at some places."""
        places = tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))
        return variable.assign(getattr(variable.value.at[places], how)(jnp.asarray(updates, variable.dtype)))

    return update


def scatter(how: str) -> Any:
    """A method that changes rows, which come as `tf.IndexedSlices`."""

    def update(variable: PlaitVariable, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Changes some rows."""
        rows, values = jnp.asarray(sparse_delta.indices), jnp.asarray(sparse_delta.values, variable.dtype)
        return variable.assign(getattr(variable.value.at[rows], how)(values))

    return update


METHODS: dict[str, Any] = {
    "get_shape": lambda variable: TensorShape(variable.shape),
    "read_value": read_value,
    "scatter_add": scatter("add"),
    "scatter_nd_add": scatter_nd("add"),
    "scatter_nd_update": scatter_nd("set"),
    "scatter_update": scatter("set"),
    "set_shape": lambda variable, shape: TensorShape(variable.shape).assert_is_compatible_with(shape),
}
