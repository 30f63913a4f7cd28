"""What a device will hold and send, before anything runs: `plan(model, devices, batch)`.

Bytes are counted from shapes alone. Held are weights, their gradients, the optimizer's slots and moving averages; what a
layer's outputs take isn't counted, as it depends on what XLA keeps. Sent is what a device sends in a step on a ring of
devices, which moves least: a sum of gradients is sent almost twice, a weight that is put together almost once, and a sum whose
parts stay where they are almost once; on CPUs XLA makes whole sums of these.

What it is not: a measurement. `jax.live_arrays()` says what lies on a device, the compiled program what it sends.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from plait.common.messages import describe
from plait.core.variable import Variable
from plait.distribution.layouts import list_devices
from plait.errors import ArgumentError, StateError

_PROBE = (2, 3)  # a shape that no other variable of an optimizer has


@dataclass(frozen=True)
class Share:
    """What one device has of a layout.

    Attributes:
        layout: the name of the distribution.
        held: bytes of weights, gradients and the optimizer's state.
        sent: bytes a step.
        rows: of a batch, at most.
    """

    layout: str
    held: int
    sent: int
    rows: int


@dataclass(frozen=True)
class Plan:
    """The layouts of a model on some devices, and the one that is suggested.

    Attributes:
        devices: how many.
        shares: what a device has of each layout.
        suggested: the name of the layout that sends least of those that fit into a device's memory; of the smallest if none does.
        memory: the bytes of a device, as far as they are known.
    """

    devices: int
    shares: tuple[Share, ...]
    suggested: str
    memory: int | None

    def __str__(self) -> str:
        lines = [f"{'on each of ' + str(self.devices) + ' devices':24}{'holds':>16}{'sends a step':>16}{'rows':>8}"]
        for share in self.shares:
            mark = " <- suggested" if share.layout == self.suggested else ""
            lines.append(f"{share.layout:24}{share.held:>16,}{share.sent:>16,}{share.rows:>8}{mark}")
        return "\n".join(lines)


def plan(model: Any, devices: int | Sequence[Any] | None = None, batch: int = 32, memory: int | None = None) -> Plan:
    """What each layout would have a device hold and send, and which one is suggested. Nothing is computed.

    Args:
        model: a model that is built, and compiled if its optimizer is to count.
        devices: the devices, or how many; by default all there are.
        batch: rows in a batch.
        memory: bytes of a device; by default what it says itself.

    Raises:
        StateError: the model isn't built.
        ArgumentError: no devices.
    """
    if not model.built:
        raise StateError(f"plan: model {model.name!r} isn't built, so its weights aren't known. Call it on data first.")
    count = devices if isinstance(devices, int) else len(list_devices() if devices is None else devices)
    if count < 1:
        raise ArgumentError(f"plan: `devices` must be one or more, or a list of them, but got {describe(devices)}.")
    memory = _memory() if memory is None else memory
    shares = _share("DataParallel", model, count, batch, 1), _share("FullySharded", model, count, batch, count)
    fitting = [share for share in shares if memory is None or share.held <= memory]
    suggested = min(fitting, key=lambda share: share.sent) if fitting else min(shares, key=lambda share: share.held)
    return Plan(count, shares, suggested.layout, memory)


def _share(layout: str, model: Any, count: int, batch: int, parts: int) -> Share:
    slots, rounds = _slots_of(model.optimizer), 3 if jax.default_backend() == "cpu" else 2
    held = sent = 0
    for variable in model.variables:
        size = variable.size * np.dtype(variable.value.dtype).itemsize
        is_split = parts > 1 and _is_split(variable.shape, count)
        held += size * (2 + slots if variable.trainable else 1) // (count if is_split else 1)
        if variable.trainable:
            sent += (rounds if is_split else 2) * size * (count - 1) // count
    return Share(layout, held, sent, -(-batch // count))


def _is_split(shape: Sequence[int], count: int) -> bool:
    return int(np.prod(shape)) >= 1024 and any(size and size % count == 0 for size in shape)


def _slots_of(optimizer: Any) -> int:
    """How many arrays of a weight's shape an optimizer keeps for it."""
    if optimizer is None:
        return 0
    other = type(optimizer).from_config(copy.deepcopy(optimizer.get_config()))
    other.build([Variable(np.zeros(_PROBE, "float32"), name="probe")])
    return sum(tuple(slot.shape) == _PROBE for slot in other.variables)


def _memory() -> int | None:
    stats = jax.devices()[0].memory_stats()
    return stats.get("bytes_limit") if stats else None
