"""Tasks from different data sets: each batch is of one of them, with labels for its outputs alone.

    Mixture({"digit": (x1, y1), "speaker": dataset})    says what is mixed, and how
    MixtureSource                                       gives the batches

A step on such a batch computes only the part of the graph that leads to the outputs with labels (`training/parting`), and trains
the weights of that part.

What it is not: a way to join rows of several data sets into one batch.
"""

import itertools
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import numpy as np

from plait.common.messages import describe, listing, raise_all
from plait.errors import ArgumentError, DataError
from plait.training.data.source import Source, unpack

_SAMPLINGS, _STOPS = ("proportional", "equal"), ("longest", "shortest")


class Mixture:
    """Data sets of several tasks, for `fit`, `evaluate` and `validation_data`.

    Args:
        datasets: by output, or by a name of your own where the labels are dicts by output: `(x, y)`, `(x, y, sample_weight)`, or
            what yields such batches and knows how many.
        sampling: how many batches come from each: "proportional" to its size, "equal", a temperature T above 0, which
            is in proportion to size ** (1 / T), or a dict of numbers by task.
        stop: when an epoch ends: with the "longest" data set, while shorter ones begin again, or with the "shortest".

    Raises:
        ArgumentError: all that is wrong.

    >>> Mixture({"digit": (np.ones((4, 2)), np.ones(4))}, stop="shortest")
    <Mixture digit>
    """

    def __init__(self, datasets: Mapping[str, Any], sampling: Any = "proportional", stop: str = "longest"):
        problems = []
        if not isinstance(datasets, Mapping) or not datasets:
            problems.append(f"`datasets` must be a dict of data sets by output, but got {describe(datasets)}.")
        by_task = isinstance(sampling, Mapping)
        if by_task and (set(sampling) != set(datasets) or not all(share > 0 for share in sampling.values())):
            problems.append(
                f"`sampling` must have a number above 0 for each of {listing(datasets)}, but got {sampling}."
            )
        number = isinstance(sampling, (int, float)) and not isinstance(sampling, bool) and sampling > 0
        if not by_task and not number and sampling not in _SAMPLINGS:
            problems.append(
                f"`sampling` must be 'proportional', 'equal', a temperature above 0 or a dict, but got {describe(sampling)}."
            )
        if stop not in _STOPS:
            problems.append(f"`stop` must be 'longest' or 'shortest', but got {describe(stop)}.")
        raise_all(ArgumentError, "Mixture", problems)
        self.datasets, self.sampling, self.stop = dict(datasets), sampling, stop

    def __repr__(self) -> str:
        return f"<Mixture {', '.join(self.datasets)}>"

    def counts(self, sizes: Mapping[str, int], trains: bool) -> dict[str, int]:
        """How many batches of an epoch come from each data set.

        Args:
            sizes: how many batches each has.
            trains: whether it is for training; else each comes once.
        """
        if not trains:
            return dict(sizes)
        if isinstance(self.sampling, Mapping):
            shares = {name: float(self.sampling[name]) for name in sizes}
        else:
            power = {"proportional": 1.0, "equal": 0.0}.get(self.sampling)  # type: ignore[arg-type]
            power = 1.0 / self.sampling if power is None else power
            shares = {name: size**power for name, size in sizes.items()}
        passes = [size / shares[name] for name, size in sizes.items()]
        length = max(passes) if self.stop == "longest" else min(passes)
        whole = math.ceil if self.stop == "longest" else math.floor
        return {
            name: max(1, whole(share * length - 1e-9 if whole is math.ceil else share * length + 1e-9))
            for name, share in shares.items()
        }


class MixtureSource:
    """The batches of a mixture.

    Args:
        mixture: what is mixed.
        sources: a source for each data set, that goes on where it ended if `trains`.
        steps: batches in an epoch, if not as many as the mixture says.
        trains: whether it is for training.

    Raises:
        DataError: a data set that doesn't know how many batches it has.
    """

    batch_size: Any = None

    def __init__(self, mixture: Mixture, sources: dict[str, Source], steps: int | None, trains: bool):
        unknown = [name for name, source in sources.items() if source.steps is None]
        if unknown:
            raise DataError(
                f"Mixture: it isn't known how many batches {listing(unknown)} has. Give arrays, a PyDataset, or what has `__len__`."
            )
        self.sources, self._trains = sources, trains
        sizes = {name: source.steps or 0 for name, source in sources.items()}
        self._counts = mixture.counts(sizes, trains)
        self.steps: int | None = sum(self._counts.values()) if steps is None else steps
        self._running: dict[str, Iterator] = {}

    def first(self) -> tuple:
        """A batch of all tasks, by which shapes and dtypes are known."""
        x, y, weights = {}, {}, None
        for source in self.sources.values():
            inputs, labels, _ = source.first()
            x = {**x, **inputs} if isinstance(inputs, Mapping) else inputs
            y |= labels
        return x, y, weights

    def check_with(self, check: Callable) -> None:
        """Has the labels of each data set looked at."""
        for source in self.sources.values():
            source.check_with(check)

    def batches(self, epoch: int, together: int = 1, exactly: bool = False) -> Generator[Any, None, None]:
        """The batches of an epoch, in an order that is drawn from NumPy's global generator."""
        try:
            for name in self._order():
                yield self._next(name, epoch)
        finally:
            if not self._trains:
                self._end()

    def _order(self) -> list[str]:
        names = [name for name, count in self._counts.items() for _ in range(count)]
        steps, order = self.steps or 0, list[str]()
        while len(order) < steps:
            places = np.random.permutation(len(names)) if self._trains else range(len(names))  # noqa: NPY002
            order += [names[place] for place in places]
        return order[:steps]

    def _next(self, name: str, epoch: int) -> tuple:
        for _ in itertools.repeat(None, 2):
            if name not in self._running:
                self._running[name] = self.sources[name].batches(epoch)
            batch = next(self._running[name], None)
            if batch is not None:
                return batch
            del self._running[name]
        raise DataError(f"Mixture: the data set {name!r} gave no batch.")

    def _end(self) -> None:
        running, self._running = self._running, {}
        for batches in running.values():
            batches.close()  # type: ignore[attr-defined]

    def state(self) -> dict:
        """Where each data set is."""
        return {name: source.state() for name, source in self.sources.items()}

    def restore(self, state: dict, epoch: int) -> None:
        """Brings each data set to where it was."""
        for name, source in self.sources.items():
            source.restore(state[name], epoch)

    def close(self) -> None:
        """Closes each data set."""
        self._end()
        for source in self.sources.values():
            source.close()


def mixture_of(
    mixture: Mixture, make: Callable, read: Callable | None, steps: int | None, trains: bool
) -> MixtureSource:
    """The source of a mixture.

    Args:
        mixture: what is mixed.
        make: makes a source of `(x, y, sample_weight)`, and of a function that reads `(x, y)`.
        read: brings `(x, y)` into the form that the model needs.
        steps: batches in an epoch, if asked for.
        trains: whether it is for training.
    """
    return MixtureSource(
        mixture,
        {name: make(*_parts(name, data), _reader(name, read)) for name, data in mixture.datasets.items()},
        steps,
        trains,
    )


def _parts(name: str, data: Any) -> tuple:
    if not isinstance(data, (tuple, list)):
        return data, None, None
    x, y, weights = unpack(data)
    return x, y, weights if weights is None or isinstance(weights, Mapping) else {name: weights}


def _reader(name: str, read: Callable | None) -> Callable:
    """Reads `(x, y)` of one data set: its labels become a dict by output."""

    def by_output(x: Any, y: Any) -> tuple:
        labels = y if isinstance(y, Mapping) else {name: y}
        return read(x, labels) if read is not None else (x, labels)

    return by_output
