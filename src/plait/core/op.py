"""`@op`: any function of arrays becomes one that also works on symbolic tensors, and that files can name.

An op called on arrays runs the function. Called on symbolic tensors it is recorded as a node whose operation is an
`Op`: the function with its options fixed (`mean` with `axis=1`), the tensors being the node's arguments. That is how
Keras's files hold such calls: the options in the config of a class (`Mean`), the tensors in the inbound nodes.

Verbs: `op` makes one.

Life under jit: none of its own; the function is traced like any other.

What it is not: a layer. An op has no weights, no state and no mask.

Differs from Keras: there, each op is written three times (a function, a class, a backend function); here once.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from plait._errors import ArgumentError, PlaitError, describe
from plait._names import snake_case
from plait._registry import builtin, register_keras_serializable
from plait._tree import flatten
from plait.core.graph import Operation, record
from plait.core.infer import infer
from plait.core.tensor import KerasTensor, any_symbolic


class Op(Operation):
    """A function with its options fixed, as an operation of a graph. One subclass a function; `op` makes them.

    Attributes:
        function: the function of arrays.
        options: names of the parameters that are options, not tensors.
    """

    function: Callable
    options: tuple[str, ...] = ()

    def __init__(self, *, name: str | None = None, **config: Any):
        super().__init__(name)
        unknown = set(config) - set(self.options)
        if unknown:
            raise ArgumentError(
                f"{type(self).__name__}: no such option: {sorted(unknown)}. It has {list(self.options)}."
            )
        self.config = config

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Applies the function to tensors, with the fixed options."""
        if any_symbolic(args) or (kwargs and any_symbolic(kwargs.values())):
            return record(self, args, kwargs)
        return type(self).function(*args, **kwargs, **self.config)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic tensors that the function would give."""
        try:
            return infer(functools.partial(type(self).function, **self.config), args, kwargs)
        except PlaitError:
            raise
        except Exception as error:
            received = ", ".join(describe(arg) for arg in (*args, *kwargs.values()))
            error.add_note(f"plait: in the op {self.name!r}, called on {received}")
            raise

    def get_config(self) -> dict:
        """Its name and options."""
        return {"name": self.name, **self.config}

    @classmethod
    def from_config(cls, config: dict) -> "Op":
        """An op from its config."""
        options: dict[str, Any] = {k: tuple(v) if isinstance(v, list) and k == "axis" else v for k, v in config.items()}
        return cls(**options)

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


def op(
    function: Callable | None = None,
    *,
    name: str | None = None,
    module: str | None = None,
    options: tuple[str, ...] | None = None,
    package: str = "Custom",
) -> Callable:
    """Makes a function of arrays work on symbolic tensors too: a decorator.

    Args:
        function: the function. Parameters without a default are tensors, the others are options.
        name: the class name in files; by default the function's name in CamelCase.
        module: which of Keras's modules of operations it stands for; None registers it as the program's own.
        options: the names of the parameters that are options, where the rule above is wrong.
        package: under which the program's own are registered.

    Returns:
        the function, which now also takes symbolic tensors, with its class as attribute `operation`.

    >>> import jax.numpy as jnp
    >>> @op
    ... def scale(x, factor=2.0):
    ...     return x * factor
    >>> float(scale(jnp.ones(())))
    2.0
    >>> scale(KerasTensor((None, 3)), factor=3.0).shape
    (None, 3)
    """
    if function is None:
        return functools.partial(op, name=name, module=module, options=options, package=package)
    parameters = inspect.signature(function).parameters
    if options is None:
        options = tuple(
            key for key, p in parameters.items() if p.default is not p.empty and p.kind is not p.VAR_KEYWORD
        )
    class_name = name or _camel_case(function.__name__)
    cls = type(class_name, (Op,), {"function": staticmethod(function), "options": options, "__module__": __name__})
    cls.__doc__ = f"`{function.__name__}` as an operation of a graph."

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args) or (kwargs and any_symbolic(kwargs.values())):
            return _record_call(cls, parameters, args, kwargs)
        return function(*args, **kwargs)

    call.operation = cls  # type: ignore[attr-defined]
    if module is None:
        register_keras_serializable(package)(cls)
    else:
        builtin("ops", module=module, registered_name=class_name)(cls)
        builtin("ops", module=module)(call)
    return call


def _record_call(cls: type[Op], parameters: Any, args: tuple, kwargs: dict) -> Any:
    tensors, named, config = [], {}, {}
    names = iter(parameters.values())
    for arg in args:
        parameter = next(names)
        if parameter.kind is parameter.VAR_POSITIONAL:
            tensors.extend(args[len(tensors) + len(config) :])
            break
        if parameter.name in cls.options and not _has_symbol(arg):
            config[parameter.name] = arg
        else:
            tensors.append(arg)
    for key, arg in kwargs.items():
        (config if key in cls.options and not _has_symbol(arg) else named)[key] = arg
    return record(cls(**config), tuple(tensors), named)


def _has_symbol(value: Any) -> bool:
    return any(isinstance(leaf, KerasTensor) for leaf in flatten(value))


def _camel_case(name: str) -> str:
    return "".join(part.capitalize() for part in snake_case(name).split("_"))
