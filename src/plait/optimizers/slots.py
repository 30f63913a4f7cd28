"""Slots: the variables that an optimizer keeps for weights, and what survives when it is built for other ones.

A slot has an owner, the weight that it was made for (None for what belongs to all), and a field, what the algorithm
calls it. Slots are in the order in which they were asked for; that is the order of `optimizer.variables` and of files.

Slots of weights that the list is no longer for (frozen ones, those of another model with the same optimizer) wait, as long as
these weights live, until they are asked for again.

Verbs: `renew` begins a list of slots for other weights, `replay` begins asking for the same ones again, `ask` gives a
slot, `places` says where in the state they are.

Life under jit: none. It is asked while an update is traced, and its answers are numbers.

What it is not: a place for values. These are in the Variables.
"""

import collections
from collections.abc import Callable, Iterable
from typing import NamedTuple
from weakref import ref

from plait.core.variable import Variable


class Key(NamedTuple):
    """The identity of a slot.

    Attributes:
        owner: the weight it was made for; None for what belongs to all.
        field: what the algorithm calls it.
        count: how many slots of this owner and field were asked for before it.
    """

    owner: Variable | None
    field: str
    count: int = 0


class Slots:
    """The slots of one optimizer.

    >>> weight, slots = Variable(1.0), Slots()
    >>> momentum = slots.ask(weight, "momentum", lambda: Variable(0.0))
    >>> slots.renew([weight])
    >>> slots.ask(weight, "momentum", lambda: Variable(0.0)) is momentum
    True
    """

    def __init__(self) -> None:
        self._held: dict[Key, Variable] = {}
        self._kept: dict[Key, Variable] = {}
        self._waiting: dict[
            int, tuple[ref[Variable], dict[tuple[str, int], Variable]]
        ] = {}  # by serial: `==` compares values
        self._asked: collections.Counter = collections.Counter()

    def __getstate__(self) -> dict:
        """Without those that wait: their weights may be another model's."""
        return {**vars(self), "_waiting": {}}

    def replay(self) -> None:
        """Begins anew to count what is asked for, so that asking for the same gives the same."""
        self._asked.clear()

    def renew(self, weights: Iterable[Variable]) -> None:
        """Begins a list of slots for these weights. Those that were made for them before are given again when asked for."""
        asking, known = {None, *weights}, {**self._kept, **self._held}
        self._kept, self._held = {}, {}
        for key, slot in known.items():
            if key.owner is None or key.owner in asking:
                self._kept[key] = slot
            else:
                _, slots = self._waiting.setdefault(key.owner.serial, (ref(key.owner), {}))
                slots[key.field, key.count] = slot
        for serial, (owner, slots) in list(self._waiting.items()):
            weight = owner()
            if weight is None or weight in asking:
                del self._waiting[serial]
                self._kept |= {Key(weight, *rest): slot for rest, slot in slots.items() if weight is not None}
        self.replay()

    def ask(self, owner: Variable | None, field: str, make: Callable[[], Variable]) -> Variable:
        """The slot of an owner's field: the one there is, that of before, or a new one at the end of the list."""
        key = Key(owner, field, self._asked[owner, field])
        self._asked[owner, field] += 1
        if key not in self._held:
            kept = self._kept.pop(key, None)
            self._held[key] = make() if kept is None else kept
        return self._held[key]

    def find(self, owner: Variable | None, field: str) -> Variable | None:
        """The slot of an owner's field, if there is one."""
        return self._held.get(Key(owner, field))

    @property
    def variables(self) -> list[Variable]:
        """All slots, in their order."""
        return list(self._held.values())

    @property
    def known(self) -> list[Variable]:
        """All slots, and those that wait for being asked for again."""
        return [*self._held.values(), *self._kept.values()]

    def places(self, first: int) -> dict[Key, int]:
        """Where each slot is in a state whose first slot is at `first`."""
        return {key: first + position for position, key in enumerate(self._held)}
