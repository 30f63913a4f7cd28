"""The only ambient state: one frozen `Scope` in one `ContextVar`.

Verbs: `current()` reads it, `with scope(training=True): ...` changes it for a block. Nothing else does.

Life under jit: a scope is Python state of the thread (or task) that traces; it never becomes part of a program.

What it is not: a place for settings (`_settings`), or for state of models (`core/variable`).

Differs from Keras: there, some twenty values live under string keys in one thread-local object, and any code may write
them; here the fields are listed below, and a write ends with its block.
"""

import contextvars
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from plait.errors import ArgumentError


class Scope(NamedTuple):
    """What the code below a `with scope(...)` block sees.

    Attributes:
        bindings: values that stand in for the variables', keyed by variable; `pure` and `infer` read and write here.
        finder: what notes the variables that a program reads and assigns while it is traced; see `core/program`.
        training: whether layers that aren't told run as in training; None is unknown.
        compute_dtype: what floating variables are cast to when read; None leaves them as they are.
        path: the names of the layers whose `build` or `call` is running.
        losses: where `add_loss` puts its values: a list, while a step is traced; `BY_LAYER`, while a whole model is called,
            whose layers keep theirs; None elsewhere, where a layer's next call begins with none.
        context_arguments: values of call arguments that layers registered to pass down, besides `training`.
        custom_objects: classes and functions that names in configs may stand for.
        distribution: how arrays are laid out over devices.
        remat: which operations are to be computed again in the backward pass instead of stored.
        written: each layer in a config that is being written, its number, and how often it stands there, by id; None while
            none is.
        read: the shared layers that were read from a config, by number; None while none is read.
        copy: while a model is cloned, copies what a config holds: that config then has objects, and not their forms. None
            elsewhere.
        masks_of_ops: what ops do with masks: `"told"` hands them on and warns where one is lost, `"quiet"` doesn't warn,
            `"lost"` is how Keras's graphs run.
        allowance: how many bytes variables may take together, counted down; None while no file is read.
    """

    bindings: dict | None = None
    finder: Any = None
    training: bool | None = None
    compute_dtype: str | None = None
    path: tuple[str, ...] = ()
    losses: list | None = None
    context_arguments: Mapping[str, Any] = {}
    custom_objects: Mapping[str, Any] = {}
    distribution: Any = None
    remat: Any = None
    written: dict[int, list] | None = None
    read: dict[Any, Any] | None = None
    copy: Callable[[Any], Any] | None = None
    masks_of_ops: str = "told"
    allowance: list[int] | None = None


BY_LAYER: list = []  # a mark, that is compared by identity

_current: contextvars.ContextVar[Scope] = contextvars.ContextVar("plait_scope", default=Scope())  # noqa: B039  (frozen)

current = _current.get


class scope:
    """Changes fields of the scope for the length of a block.

    >>> with scope(training=True):
    ...     current().training
    True
    """

    __slots__ = ("_changes", "_token")

    def __init__(self, **changes: Any):
        self._changes = changes

    def __enter__(self) -> Scope:
        changed = _current.get()._replace(**self._changes)
        self._token = _current.set(changed)
        return changed

    def __exit__(self, *exception: object) -> None:
        _current.reset(self._token)


class name_scope(scope):
    """Puts a name in front of the paths of the variables that are made in the block.

    >>> with name_scope("encoder"):
    ...     current().path
    ('encoder',)
    """

    __slots__ = ("_name",)

    def __init__(self, name: str, **options: Any):
        if not isinstance(name, str) or "/" in name:
            raise ArgumentError(
                f"name_scope: Argument `name` must be a string and cannot contain character `/`, but got {name!r}."
            )
        super().__init__()
        self._name = name

    def __enter__(self) -> Scope:
        self._changes = {"path": (*current().path, self._name)}
        return super().__enter__()
