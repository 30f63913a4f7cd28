"""Decisions of several processes, taken in the same step: to stop, to end at a signal, to back up.

Each process has wishes at any time: a callback's, a signal's, its clock's. They may not follow them at once, for the others
would wait in a step that this one never makes. So all exchange their wishes after the same steps, about each half second, and
do what any of them wishes. How many steps that is, the first process measures, and all are told when they exchange wishes.

Where callbacks look at batches, and so may stop the run at any of them, wishes are exchanged after each dispatch.

What it is not: for a process alone, whose loop acts at once.
"""

import time

from plait.distribution.agreement import gathered

_SECONDS = 0.5  # between two exchanges, each of which takes about a millisecond


class InStep:
    """Counts the steps up to the next exchange of wishes.

    Args:
        place: what the program is at.
        each: whether wishes are exchanged after each dispatch.
    """

    def __init__(self, place: str, each: bool):
        self._place = place
        self._each, self._every, self._steps, self._since = each, 1, 0, time.monotonic()

    def due(self, steps: int) -> bool:
        """Whether wishes are exchanged after so many more steps; the same on all processes."""
        self._steps += steps
        return self._each or self._steps >= self._every

    def decided(self, **wishes: bool) -> dict[str, bool]:
        """What any process wishes, by name; all processes come here after the same step."""
        seconds = max(time.monotonic() - self._since, 1e-6)
        every = max(1, min(2 * max(self._every, self._steps), int(self._steps * _SECONDS / seconds)))
        heard = gathered([every, wishes], self._place)
        self._every, self._steps, self._since = heard[0][0], 0, time.monotonic()
        return {name: any(theirs[name] for _, theirs in heard) for name in wishes}
