"""Cells: where the arrays of variables lie, and who else holds them.

A `Cell` is a box with a list of arrays; a `Variable` (next file) is a view of one place in one cell. A training step
destroys the arrays that it starts from (it donates their memory to the ones it makes), so this file keeps account of
who else may still look at them:

    shared      places whose array somebody holds: it was read by `.value`, or came in through `assign`. A step copies
                such an array before it starts, once; the new one belongs to nobody else.
    readers     programs that have taken the list and are about to run. A step that starts meanwhile copies all of it.
    taker       the thread whose step is under way. Others that want the arrays wait for the ones that it makes; but where
                that step itself waits for arrays of theirs, they copy those from before it.

So nobody's array is ever deleted, and where nobody holds one nothing is copied.

Verbs: `take` and `give_back` around a program that destroys arrays; `Reader.begin` and `end` around one that doesn't;
`adopt` gathers variables into one cell.

An array may lie on several devices (`distribution/`), and then those that follow it in its place do, too. `placed` and
`whole` are how values get to the devices of other processes, and back.

Life under jit: none. Programs see lists of arrays, never a cell.

What it is not: a lock around training. A step holds its cells for one dispatch; who may train is decided in
`training/step`.

Differs from Keras: there, a `fit` takes all values out of the variables and puts them back at the end of each epoch, so
that code which looks at a variable meanwhile has to wait for a copy or sees an old value.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import get_ident
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.experimental import multihost_utils

from plait.common.scope import current
from plait.common.watched import mark_edit
from plait.errors import ArgumentError

_lock = threading.RLock()  # held for moments; never while a program runs
_changed = threading.Condition(_lock)
_revision = 0
_stepping: set[int] = set()  # threads whose step is under way
_waiting: set[int] = set()  # those of them that wait for arrays of others, with their own still intact


def revision() -> int:
    """A number that grows when a variable is made or moved, or any `trainable` flag changes: what was found by walking
    the variables before is still right while it stays the same."""
    return _revision


def mark_revision() -> None:
    """Notes that something changed which a walk over the variables would notice."""
    global _revision
    _revision += 1
    mark_edit()


class Cell:
    """A box with a list of arrays; variables are views of its places.

    Attributes:
        tree: the arrays. A training step replaces the whole list.
        shared: places whose array somebody else holds.
        readers: how many programs are about to run on the arrays.
        taker: the thread whose program is replacing them; None if there is none.
        left: whether some of its variables lie in another cell by now.
    """

    __slots__ = ("left", "readers", "shared", "taker", "tree")

    def __init__(self, tree: list):
        self.tree = tree
        self.shared: set[int] = set()
        self.readers = 0
        self.taker: int | None = None
        self.left = False

    @property
    def filled(self) -> bool:
        """Whether the arrays are there, or can be made."""
        return True

    def put(self, index: int, value: Any) -> None:
        """Puts an array into a place."""
        self.tree[index] = value

    def fill(self, tree: list) -> None:
        """Puts arrays that nobody else holds into all places."""
        with _lock:
            while not _is_free(self):
                _changed.wait()
            self.tree = tree
            self.shared.clear()

    def get(self, index: int) -> Any:
        """The array in a place, for somebody who may keep it."""
        with _lock:  # a step that starts in between would destroy what it has just copied for itself
            if self.taker is not None:
                _wait_until(lambda: _is_open(self))
                if not _is_free(self):
                    return copied(self.tree[index])
            self.shared.add(index)
            return self.tree[index]

    def keep(self) -> None:
        """Copies the arrays that somebody else holds or is about to read, so that these here may be destroyed."""
        places: Iterable[int] = range(len(self.tree)) if self.readers else self.shared
        tree = list(self.tree) if self.readers else self.tree  # readers have the list
        for place in places:
            tree[place] = copied(tree[place])
        self.tree = tree
        self.shared.clear()


class Late:
    """A value that is made when it is first asked for.

    Args:
        make: makes the array.
        shape: of the array.
        dtype: its name.
    """

    __slots__ = ("dtype", "make", "shape")

    def __init__(self, make: Callable[[], Any], shape: tuple[int, ...], dtype: str):
        self.make, self.shape, self.dtype = make, shape, dtype


class LateCell(Cell):
    """The cell of one variable while a file is read: the file mostly brings the value, and then none is drawn."""

    __slots__ = ("_late", "_tree")

    def __init__(self, late: Late):
        self._late, self._tree = late, None
        self.shared, self.readers, self.taker, self.left = set(), 0, None, False

    @property
    def tree(self) -> list:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The array in a list, made now if need be; zeros in its place for a trace that only asks for shapes."""
        if self._tree is None:
            if current().allowance is not None and isinstance(jnp.zeros(()), Tracer):
                return [jnp.zeros(self._late.shape, self._late.dtype)]
            with jax.ensure_compile_time_eval():
                self._tree = [self._late.make()]
        return self._tree

    @tree.setter
    def tree(self, tree: list) -> None:
        self._tree = tree

    @property
    def filled(self) -> bool:
        """Whether the array has been made or put in."""
        return self._tree is not None

    def put(self, index: int, value: Any) -> None:
        """Puts the array in."""
        self._tree = [value]


def put(variable: Any, value: Any, shared: bool) -> None:
    """Puts an array into a variable's place, when no other thread's step is under way there.

    Args:
        variable: the variable.
        value: the array.
        shared: whether somebody else holds it.
    """
    with _lock:
        while not _is_open(variable._cell):
            _changed.wait()
        cell, index = variable._cell, variable._index
        if cell.filled:
            value = _as_before(value, cell.tree[index])
        if not _is_free(cell):  # the step that waits there would destroy it
            value, shared = copied(value), False
        cell.put(index, value)
        (cell.shared.add if shared else cell.shared.discard)(index)


def lay_out(variable: Any, devices: Iterable[Any], sharding: Any) -> None:
    """Moves a variable's array to where it is to lie, if it isn't on these devices yet; who holds it keeps the one before."""
    with _lock:
        while not _is_free(variable._cell):
            _changed.wait()
        cell, index = variable._cell, variable._index
        if cell.tree[index].sharding.device_set != set(devices):
            cell.tree = [placed(value, sharding) if place == index else value for place, value in enumerate(cell.tree)]
            mark_revision()


@contextlib.contextmanager
def looked_at(variable: Any) -> Iterator[Any]:
    """The array of a variable, for a block that doesn't keep it; nobody destroys it meanwhile."""
    with _lock:
        _wait_until(lambda: _is_open(variable._cell))
        cell = variable._cell
        cell.readers += 1
        value = cell.tree[variable._index]
        value = value if _is_free(cell) else copied(value)
    try:
        yield value
    finally:
        Reader.end([cell])


def copied(value: jax.Array) -> jax.Array:
    """The same values elsewhere. A transfer needs no program, where `copy` compiles one for each new shape."""
    if isinstance(value, Tracer):
        return value.copy()
    here = value.is_fully_addressable  # of what isn't all here, JAX wants to hear where it goes
    return jax.device_put(value, None if here else value.sharding, may_alias=False)


def placed(value: Any, sharding: Any) -> jax.Array:
    """The values laid out so. Of several processes each gives all of them, the same, and keeps its part."""
    if isinstance(value, jax.Array):
        if value.sharding == sharding:
            return value
        if not value.is_fully_addressable:
            return jax.device_put(value, sharding)
    if sharding.is_fully_addressable:
        return jax.device_put(value, sharding)
    host = np.asarray(value)
    host = host.astype(jax.dtypes.canonicalize_dtype(host.dtype), copy=False)
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def whole(value: Any) -> np.ndarray:
    """The values as a NumPy array, which may lie in the array's memory. What is split over processes, all must ask for."""
    if isinstance(value, jax.Array) and not (value.is_fully_addressable or value.is_fully_replicated):
        return np.asarray(multihost_utils.process_allgather(value, tiled=True))
    return np.asarray(value)


def _as_before(value: Any, before: Any) -> Any:
    """A new value on the devices of the one before, where these are several."""
    several = isinstance(before, jax.Array) and len(before.sharding.device_set) > 1
    return placed(value, before.sharding) if several and isinstance(value, jax.Array) else value


def _is_free(cell: Cell) -> bool:
    """Whether no other thread's step is under way on a cell."""
    return cell.taker is None or cell.taker == get_ident()


def _is_open(cell: Cell) -> bool:
    """Whether this thread may look into a cell: it is free, or both its taker and this thread are in a step, and the taker
    waits for arrays of others, so that its own are intact.

    Two steps that each read what the other trains would wait for each other for ever. Who reads from such a cell copies.
    """
    return _is_free(cell) or (cell.taker in _waiting and get_ident() in _stepping)


def _wait_until(ready: Callable[[], bool]) -> None:
    """Waits with the lock held, before anything of this thread's own is destroyed."""
    if not ready():
        _waiting.add(get_ident())
        _changed.notify_all()
        try:
            while not ready():
                _changed.wait()
        finally:
            _waiting.discard(get_ident())


def take(cells: Sequence[Cell]) -> bool:
    """Takes cells for a program that destroys their arrays, until `give_back`.

    Returns:
        False, with nothing taken, if variables have moved to other cells.
    """
    me = get_ident()
    with _lock:
        while True:
            for cell in cells:
                if cell.taker is not None and cell.taker != me:
                    _changed.wait()
                    break
            else:
                break
        for cell in cells:
            if cell.left:
                return False
            if cell.shared or cell.readers:
                cell.keep()
        for cell in cells:
            cell.taker = me
        _stepping.add(me)
    return True


def give_back(cells: Sequence[Cell]) -> None:
    """Ends what `take` began: the cells hold the new arrays, or, after an error, those from before."""
    with _lock:
        for cell in cells:
            cell.taker = None
        _stepping.discard(get_ident())
        _changed.notify_all()


class Reader:
    """Reads the arrays of some variables, for programs that leave them as they are.

    Args:
        variables: the variables, in the order in which the program takes them.

    Where they lie is looked up again only when variables have moved. Variables that still lie alone are gathered into one
    cell, whose list is then handed over as it is.
    """

    __slots__ = ("_cells", "_found_at", "_places", "_whole", "variables")

    def __init__(self, variables: Sequence[Any]):
        self.variables = list(variables)
        self._found_at = -1

    def begin(self) -> tuple[list, list[Cell]]:
        """The arrays now, all of one moment, and the cells they lie in. Nobody destroys them before `end`."""
        with _lock:
            if self._found_at != _revision:
                self._find()
            whole = self._whole
            if whole is not None and whole.taker is None:  # the usual case, at each call of a model
                whole.readers += 1
                return whole.tree, self._cells
            busy = any(cell.taker is not None for cell in self._cells)
            if busy:
                _wait_until(self._is_open)
            cells = self._cells
            for cell in cells:
                cell.readers += 1
            values = ((cell, cell.tree[index]) for cell, index in self._places)
            if busy and not all(map(_is_free, cells)):
                return [value if _is_free(cell) else copied(value) for cell, value in values], cells
            return [value for _, value in values], cells

    @staticmethod
    def end(cells: Sequence[Cell]) -> None:
        """The program that `begin` read for has been started, or has failed."""
        with _lock:
            for cell in cells:
                cell.readers -= 1

    def _is_open(self) -> bool:
        if self._found_at != _revision:
            self._find()
        return all(map(_is_open, self._cells))

    def _find(self) -> None:
        variables = self.variables
        if len(variables) > 1 and all(_is_alone(variable._cell) for variable in variables):
            adopt(variables)
        self._places = [(variable._cell, variable._index) for variable in variables]
        self._cells = list(dict.fromkeys(cell for cell, _ in self._places))
        self._whole = None
        if len(self._cells) == 1 and len(self._cells[0].tree) == len(variables):
            in_order = all(index == place for place, (_, index) in enumerate(self._places))
            self._whole = self._cells[0] if in_order else None
        self._found_at = _revision


def _is_alone(cell: Cell) -> bool:
    return len(cell.tree) == 1 and cell.taker is None


def adopt(variables: Sequence[Any]) -> Cell:
    """Moves variables into one new cell, in this order; their values stay the same.

    >>> from plait.core.variable import Variable
    >>> a, b = Variable(1.0), Variable([2.0, 3.0])
    >>> cell = adopt([a, b])
    >>> cell.tree = [value + 1 for value in cell.tree]
    >>> float(a), b.numpy().tolist()
    (2.0, [3.0, 4.0])
    """
    if len({id(variable) for variable in variables}) != len(variables):
        raise ArgumentError("adopt: the same variable is listed twice.")
    with _lock:
        while not all(_is_free(variable._cell) for variable in variables):
            _changed.wait()
        cell = Cell([variable._cell.tree[variable._index] for variable in variables])
        for index, variable in enumerate(variables):
            before = variable._cell
            if before.readers or variable._index in before.shared:
                cell.shared.add(index)
            before.left = True
            variable._cell, variable._index = cell, index
        global _revision
        _revision += 1  # places are no settings
        return cell


def cell_of(variables: Sequence[Any]) -> Cell:
    """The cell that holds just these variables in this order; adopts them where there is none."""
    if variables:
        cell = variables[0]._cell
        if len(cell.tree) == len(variables) and all(
            variable._cell is cell and variable._index == index for index, variable in enumerate(variables)
        ):
            return cell
    return adopt(variables)
