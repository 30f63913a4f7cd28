"""`@op`: any function of arrays becomes one that also works on symbolic tensors, and that files can name.

An op called on arrays runs the function. Called on symbolic tensors it is recorded as a node whose operation is an
`Op`: the function with its options fixed (`mean` with `axis=1`), the tensors being the node's arguments. That is how
Keras's files hold such calls: the options in the config of a class (`Mean`), the tensors in the inbound nodes.

Verbs: `op` makes one.

Life under jit: none of its own; the function is traced like any other.

Where tensors with masks come in, `mask_rules` says which mask the result has; `ops/masks` fills it.

What it is not: a layer. An op has no weights and no state.

Differs from Keras: there, each op is written three times (a function, a class, a backend function); here once.
"""

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import partial, wraps
from operator import attrgetter
from typing import Any, TypeVar, overload

import numpy as np

from plait.common.messages import describe, warn
from plait.common.names import snake_case
from plait.common.registry import builtin, custom_objects, find_class, register_keras_serializable, registered_name
from plait.common.scope import current
from plait.common.serialization import deserialize
from plait.common.traits import of_plait
from plait.common.tree import flatten, map_structure_in_order
from plait.core.graph import Operation, record
from plait.core.infer import infer
from plait.core.mask import _masks, get_mask, set_mask
from plait.core.tensor import KerasTensor, any_symbolic
from plait.errors import ArgumentError, ArgumentTypeError, PlaitError

DROPS: Any = object()  # what a rule gives where a mask is lost

asked_elsewhere: Callable | None = None
"""Answers for `(error, function, args, kwargs)` where TensorFlow traces the operands; `compat/tensorflow_behind` sets it."""

mask_rules: dict[str, Callable] = {}
"""By the name of a function: from its arguments by name, and its result, to the result's mask: one for all outputs, a list, None
where it has none by its nature, or `DROPS`."""


@of_plait
class Op(Operation):
    """A function with its options fixed, as an operation of a graph. One subclass a function; `op` makes them.

    Attributes:
        function: the function of arrays.
        options: names of the parameters that are options, not tensors.
        tensors: names of the parameters that tensors given by position go to; None where they go to `*operands`.
        leading: names of the options that stand before such `*operands`.
        spec: computes the outputs' specs on symbolic tensors, where a trace cannot.
        defaults: the parameters' defaults.
        takes_text: whether it also works on text, which stays in NumPy.
        caller: the decorated function, which records calls.
    """

    function: Callable
    caller: Callable
    options: tuple[str, ...] = ()
    tensors: tuple[str, ...] | None = ()
    leading: tuple[str, ...] = ()
    spec: Callable | None = None
    defaults: Mapping[str, Any] = {}
    is_of_plait = False
    hands_masks_on = True  # whether masks go through it; not in graphs that Keras made, where no op does that
    takes_text = False

    def __init__(self, *values: Any, name: str | None = None, **config: Any):
        super().__init__(name)
        if len(values) > len(self.options):
            raise ArgumentError(f"{type(self).__name__}: takes the options {list(self.options)}, but got {values}.")
        config = {**dict(zip(self.options, values, strict=False)), **config}
        unknown = set(config) - set(self.options)
        if unknown:
            raise ArgumentError(
                f"{type(self).__name__}: no such option: {sorted(unknown)}. It has {list(self.options)}."
            )
        self.config = config
        for key, value in config.items():
            if not hasattr(self, key):  # `op.axis` of a recorded `mean`; `config` has those that would hide something
                setattr(self, key, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Applies the function to tensors, with the fixed options; records on symbolic ones."""
        if any_symbolic(args) or (kwargs and any_symbolic(kwargs.values())):
            return self.record(args, kwargs)
        results = self._apply(type(self).function, args, kwargs)
        if _masks and self.hands_masks_on:
            _hand_masks_on(type(self), self._given(args, kwargs), results)
        return results

    def record(self, args: tuple, kwargs: dict) -> Any:
        """Records a call on symbolic tensors, with the masks that the results have."""
        results, masks = record(self, args, kwargs), current().masks_of_ops
        if any(get_mask(leaf) is not None for leaf in flatten([list(args), kwargs])):
            self.hands_masks_on = self.hands_masks_on and masks != "lost"
            lost = self.hands_masks_on and _hand_masks_on(type(self), self._given(args, kwargs), results)
            if lost and masks == "told":
                warn(
                    f"The op {self.name!r} drops the mask of {describe(args[0] if len(args) == 1 else args)}, because its result "
                    "hasn't the masked axes, or mixes what counts with what doesn't: from here on all steps count. Use a layer "
                    "that takes the mask, as GlobalAveragePooling1D does, or leave the masked steps out yourself."
                )
        return results

    def _given(self, args: tuple, kwargs: dict) -> dict[str, Any]:
        """All arguments by the names of the parameters; those of `*operands` under that name."""
        tensors = {"operands": args} if self.tensors is None else dict(zip(self.tensors, args, strict=False))
        return {**self.defaults, **self.config, **tensors, **kwargs}

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Applies the function to tensors, with the fixed options."""
        return self._apply(type(self).function, args, kwargs)

    def _apply(self, function: Callable, args: tuple, kwargs: dict) -> Any:
        """Calls a function of the same parameters: options may stand between the tensors, so these go by name too."""
        if self.tensors is None:
            config = dict(self.config)
            leading = [config.pop(name) for name in self.leading]
            return function(*leading, *args, **kwargs, **config)
        if len(args) > len(self.tensors):
            raise ArgumentError(
                f"{type(self).__name__}: takes {len(self.tensors)} tensors {list(self.tensors)}, but got {len(args)}: "
                f"{describe(args)}."
            )
        return function(**dict(zip(self.tensors, args, strict=False)), **kwargs, **self.config)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic tensors that the function would give."""
        cls = type(self)
        if cls.takes_text and any(x.dtype == "string" for x in flatten([args, kwargs]) if isinstance(x, KerasTensor)):
            numbers = map_structure_in_order(_number_for_text, [list(args), kwargs])
            return map_structure_in_order(_text_for_number, self.compute_output_spec(*numbers[0], **numbers[1]))
        try:
            if cls.spec is not None:
                return self._apply(cls.spec, args, kwargs)
            return infer(self.call, args, kwargs, partial(_sizes, [args, kwargs, self.config]))
        except PlaitError:
            raise
        except Exception as error:
            error.add_note(f"plait: in the op {self.name!r}, called on {_received(args, kwargs)}")
            _explain(self.name, error, args, kwargs)
            raise

    def get_config(self) -> dict:
        """Its name and options."""
        return {"name": self.name, **self.config}

    @classmethod
    def from_config(cls, config: dict) -> "Op":
        """An op from its config. Files give tuples as lists, arrays as dicts, and may leave out what is None."""
        parameters = inspect.signature(cls.function).parameters
        options: dict[str, Any] = {
            key: None for key in cls.options if parameters[key].default is inspect.Parameter.empty
        }
        for key, value in config.items():
            as_tuple = key == "axis" and isinstance(value, list)
            options[key] = tuple(value) if as_tuple else deserialize(value) if isinstance(value, dict) else value
        return cls(**options)

    def __reduce__(self) -> tuple:
        return _without_constructor, (_ClassOfOps(type(self)),), vars(self)

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


def _received(args: tuple, kwargs: Mapping) -> str:
    return ", ".join(describe(arg) for arg in (*args, *kwargs.values()))


def _explain(name: str, error: Exception, args: tuple, kwargs: Mapping) -> None:
    """Says of an error of JAX's about shapes, dtypes or axes which op was called on what; those of tracing stay as they are.

    Raises:
        ArgumentTypeError, ArgumentError: instead of a TypeError or IndexError, and of a ValueError.
    """
    wrapped = {TypeError: ArgumentTypeError, IndexError: ArgumentTypeError, ValueError: ArgumentError}.get(type(error))
    if wrapped is not None:
        raise wrapped(f"{name}, called on {_received(args, kwargs)}: {str(error).rstrip('.')}.") from error


class _ClassOfOps:
    """A class that `op` made, in copies and pickles: no module has it under its name, but one may have its function."""

    def __init__(self, cls: type[Op]):
        self.cls = cls

    def __deepcopy__(self, memo: dict) -> "_ClassOfOps":
        return self

    def __reduce__(self) -> tuple:
        caller = self.cls.caller
        try:
            by_name = attrgetter(caller.__qualname__)(sys.modules[caller.__module__])
        except (KeyError, AttributeError):
            by_name = None
        if by_name is caller:
            return _class_of_function, (caller,)
        name = registered_name(self.cls)
        if custom_objects().get(name) is not self.cls:
            raise ArgumentError(
                f"The op {self.cls.__name__!r} cannot be pickled: its function {caller.__qualname__!r} is in no module under "
                f"that name, and another class is registered as {name!r}. Define the function at the top of a module."
            )
        return _class_of_name, (self.cls.__name__, name)


def _class_of_function(caller: Any) -> _ClassOfOps:
    return _ClassOfOps(caller.operation)


def _class_of_name(class_name: str, name: str) -> _ClassOfOps:
    return _ClassOfOps(find_class({"class_name": class_name, "registered_name": name}))


def _without_constructor(of: _ClassOfOps) -> Op:
    return object.__new__(of.cls)


_Function = TypeVar("_Function", bound=Callable)


@overload
def op(
    function: _Function,
    *,
    name: str | None = None,
    module: str | None = None,
    options: tuple[str, ...] | None = None,
    spec: Callable | None = None,
    package: str = "Custom",
    text: Callable | None = None,
) -> _Function: ...


@overload
def op(
    *,
    name: str | None = None,
    module: str | None = None,
    options: tuple[str, ...] | None = None,
    spec: Callable | None = None,
    package: str = "Custom",
    text: Callable | None = None,
) -> Callable[[_Function], _Function]: ...


def op(
    function: Callable | None = None,
    *,
    name: str | None = None,
    module: str | None = None,
    options: tuple[str, ...] | None = None,
    spec: Callable | None = None,
    package: str = "Custom",
    text: Callable | None = None,
) -> Any:
    """Makes a function of arrays work on symbolic tensors too: a decorator.

    Args:
        function: the function. Parameters without a default are tensors, the others are options.
        name: the class name in files; by default the function's name in CamelCase.
        module: which of Keras's modules of operations it stands for; None registers it as the program's own.
        options: the names of the parameters that are options, where the rule above is wrong.
        spec: a function of the same parameters that returns symbolic tensors for symbolic tensors. Needed only where the
            sizes of the result depend on values, so that no trace can tell them.
        package: under which the program's own are registered.
        text: a function of NumPy of the same parameters that does the same with text, for what moves values about.

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
        return partial(op, name=name, module=module, options=options, spec=spec, package=package, text=text)
    signature = inspect.signature(function)
    if text is not None:
        function = _or_text(function, text)
    cls = _make_class(function, name or _camel_case(function.__name__), signature.parameters, options, spec)
    cls.takes_text = text is not None

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args) or (kwargs and any_symbolic(kwargs.values())):
            return _record_call(cls, signature, args, kwargs)
        try:
            results = function(*args, **kwargs)
        except (TypeError, ValueError, IndexError) as error:
            if cls.is_of_plait:
                _explain(function.__name__, error, args, kwargs)
            raise
        except NotImplementedError as error:  # from TensorFlow's tensors that have no values
            if asked_elsewhere is None:
                raise
            return asked_elsewhere(error, call, args, kwargs)
        if _masks:
            _hand_masks_on(cls, {**cls.defaults, **signature.bind(*args, **kwargs).arguments}, results)
        return results

    call.operation = cls  # type: ignore[attr-defined]
    cls.caller = staticmethod(call)  # type: ignore[assignment]
    cls.is_of_plait = module is not None
    if module is None:
        register_keras_serializable(package)(cls)
    else:
        builtin("ops", module=module, registered_name=cls.__name__)(cls)
        builtin("ops", module=module)(call)
    return call


def _make_class(
    function: Callable,
    class_name: str,
    parameters: Mapping[str, inspect.Parameter],
    options: tuple[str, ...] | None,
    spec: Callable | None,
) -> type[Op]:
    if options is None:
        options = tuple(
            key for key, p in parameters.items() if p.default is not p.empty and p.kind is not p.VAR_KEYWORD
        )
    by_position = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
    members = {
        "function": staticmethod(function),
        "options": options,
        "tensors": None if variadic else tuple(p.name for p in by_position if p.name not in options),
        "leading": tuple(p.name for p in by_position if p.name in options) if variadic else (),
        "spec": None if spec is None else staticmethod(spec),
        "defaults": {key: p.default for key, p in parameters.items() if p.default is not p.empty},
        "__module__": __name__,
        "__doc__": f"`{function.__name__}` as an operation of a graph.",
    }
    return type(class_name, (Op,), members)


def _record_call(cls: type[Op], signature: inspect.Signature, args: tuple, kwargs: dict) -> Any:
    """Records a call: options go to the operation, tensors to the node, by position as far as there is no gap."""
    given = signature.bind(*args, **kwargs).arguments
    tensors, named, config = [], {}, {}
    for key, parameter in signature.parameters.items():
        value = given.get(key, parameter.default)
        if key in cls.options and not _has_symbol(value):
            config[key] = value
        elif key not in given:
            continue
        elif parameter.kind is parameter.VAR_POSITIONAL:
            tensors.extend(value)
        elif parameter.kind is parameter.VAR_KEYWORD:
            named.update(value)
        elif cls.tensors is None or cls.tensors[len(tensors) : len(tensors) + 1] == (key,):
            tensors.append(value)
        else:
            named[key] = value
    return cls(**config).record(tuple(tensors), named)


def _hand_masks_on(cls: type[Op], given: Mapping[str, Any], results: Any) -> bool:
    """Sets the masks that results have by the op's rule; whether one was dropped."""
    tensors = flatten(list(given.values()))
    if not any(get_mask(leaf) is not None for leaf in tensors):
        return False
    rule = mask_rules.get(cls.function.__name__) if cls.is_of_plait else None
    leaves = [leaf for leaf in flatten(results) if hasattr(leaf, "shape")]
    masks = DROPS if rule is None else rule(given, results)
    for leaf, mask in zip(leaves, masks if isinstance(masks, list) else [masks] * len(leaves), strict=True):
        if not any(leaf is tensor for tensor in tensors):  # ops that it calls may have set others
            set_mask(leaf, None if mask is DROPS else mask, by_op=True)
    return masks is DROPS


_STAND_IN = "uint8"  # what text is taken for where only shapes matter


def _number_for_text(leaf: Any) -> Any:
    if isinstance(leaf, KerasTensor):
        return KerasTensor(leaf.shape, _STAND_IN) if leaf.dtype == "string" else leaf
    return np.zeros(np.shape(leaf), _STAND_IN) if _is_text(leaf) else leaf


def _text_for_number(leaf: Any) -> Any:
    return KerasTensor(leaf.shape, "string") if isinstance(leaf, KerasTensor) and leaf.dtype == _STAND_IN else leaf


def _or_text(function: Callable, text: Callable) -> Callable:
    """The function, or where JAX refuses text, what does the same in NumPy; numbers pay nothing for it."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (TypeError, ValueError):
            if not any(_is_text(leaf) for leaf in flatten([args, kwargs])):
                raise
        return text(*args, **kwargs)

    return run


def _is_text(leaf: Any) -> bool:
    return isinstance(leaf, (str, bytes)) or getattr(getattr(leaf, "dtype", None), "kind", "") in ("U", "S", "O", "T")


def _has_symbol(value: Any) -> bool:
    return any(isinstance(leaf, KerasTensor) for leaf in flatten(value))


def _sizes(arguments: Any) -> set[int]:
    """The sizes of arrays among arguments, and the numbers that may be sizes; no broadcast asks for 1."""
    sizes: set[int] = set()
    for leaf in flatten(arguments):
        found = (leaf,) if type(leaf) is int else () if isinstance(leaf, KerasTensor) else getattr(leaf, "shape", ())
        sizes.update(size for size in found if isinstance(size, int) and size > 1)
    return sizes


def _camel_case(name: str) -> str:
    return "".join(part.capitalize() for part in snake_case(name).split("_"))
