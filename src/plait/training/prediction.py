"""predict: outputs for data of any size, in bounded memory: joined, as batches, or in files.

    predict -> _outputs -> the model, batch by batch

A batch's outputs are taken to the host while the device works on the next one, so no more than two lie on the device.
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from plait.common.messages import describe
from plait.common.traits import has_default
from plait.common.tree import flatten, map_structure, map_structure_in_order, same_structure
from plait.core.program import Program
from plait.distribution import distribution, is_first
from plait.distribution.agreement import gathered, several
from plait.distribution.placement import Own, lay_out_batch, lay_out_filled, lay_out_whole, split_rows
from plait.errors import ArgumentError, DataError
from plait.training import custom
from plait.training.callbacks.callback_list import CallbackList
from plait.training.counted import counted
from plait.training.data import ArraySource, DataOf, closing_sources, pack, source_of
from plait.training.protocols import TrainedModel
from plait.training.together import batches_together, dispatches_of_many

_UNDER_WAY = 2  # batches on the device


def predict(
    model: TrainedModel,
    x: Any,
    batch_size: int | None = None,
    verbose: Any = "auto",
    steps: int | None = None,
    callbacks: Any = None,
    out: Any = None,
    gather: bool = True,
) -> Any:
    """Computes a model's outputs for data, batch by batch.

    Args:
        model: a model.
        x: arrays, or anything that yields batches.
        batch_size: rows in a batch, for arrays; 32 if it isn't given.
        verbose: 0 says nothing, 1 shows a live bar, 2 one line.
        steps: how many batches, if not all.
        callbacks: what else is to happen.
        out: where to write the outputs instead of keeping them in memory: the path of a `.npy` file, or such paths in the
            structure of the outputs. A file is there when all of it is written. Of several processes the first one writes.
        gather: of several processes, whether each gets all rows; False leaves each the rows that its devices computed, batch
            after batch, and sends none.

    Returns:
        NumPy arrays, in the structure of the outputs, batches joined along the first axis; with `out`, memory-mapped ones.

    Raises:
        ArgumentError: paths in another structure than the outputs'.
        DataError: no data, or outputs without a batch axis.

    >>> import numpy as np, plait
    >>> x = plait.Input((3,))
    >>> model = plait.Model(x, plait.layers.Dense(2)(x))
    >>> mapped = predict(model, np.zeros((100, 3)), verbose=0, out="outputs.npy")
    >>> type(mapped).__name__, mapped.shape
    ('memmap', (100, 2))
    """
    source = source_of(x, None, None, batch_size, steps, read=DataOf(model))
    function = _function(model, gather or not several())
    if verbose == 0 and not callbacks and out is None and isinstance(source, ArraySource) and source.steps == 1:
        with counted():
            return writable(_on_host(function(source.first())))
    watchers = CallbackList(
        callbacks, add_progbar=verbose != 0, model=model, verbose=verbose, epochs=1, steps=source.steps
    )
    alone = watchers.watches_batches("predict") or not _is_usual(model) or distribution() is not None
    together = 1 if alone else batches_together(model, source)
    batches = _outputs(model, function, source, watchers, together)
    with counted():
        if out is None:
            return _joined(batches, getattr(source, "rows", 0) if gather else 0)
        return _written(batches, out) if not (gather and several()) else _written_once(batches, out)


def predict_batches(
    model: TrainedModel, x: Any, batch_size: int | None = None, steps: int | None = None
) -> Iterator[Any]:
    """Yields the outputs batch by batch, as NumPy arrays; nothing is kept.

    Args:
        model: a model.
        x: arrays, or anything that yields batches.
        batch_size: rows in a batch, for arrays; 32 if it isn't given.
        steps: how many batches, if not all.

    >>> import numpy as np, plait
    >>> x = plait.Input((3,))
    >>> model = plait.Model(x, plait.layers.Dense(2)(x))
    >>> [batch.shape for batch in predict_batches(model, np.zeros((100, 3)), batch_size=64)]
    [(64, 2), (36, 2)]
    """
    source = source_of(x, None, None, batch_size, steps, read=DataOf(model))
    yield from map(writable, _outputs(model, _function(model), source, CallbackList(None, model=model)))


def _is_usual(model: TrainedModel) -> bool:
    """Whether the model has no `predict_step` of its own."""
    return has_default(type(model), "predict_step")


def _function(model: TrainedModel, gather: bool = True) -> Callable:
    """A batch's outputs: the model's, or those of a `predict_step` of its own.

    Args:
        model: the model.
        gather: whether all rows come to each process, where a distribution splits batches.
    """
    if _is_usual(model):
        splits = distribution() is not None and not model.run_eagerly
        return _split_function(model, gather) if splits else lambda batch: model(batch[0], training=False)

    def step(data: Any) -> Any:
        if "predict_step" in custom.steps_taking_data(type(model)):
            return model.predict_step(data)  # type: ignore[call-arg]
        others = model.non_trainable_variables
        before = [variable.value for variable in others]
        outputs, after = model.predict_step(([v.value for v in model.trainable_variables], before), data)
        for variable, old, new in zip(others, before, after, strict=True):
            if new is not old:
                variable.assign(new)
        return outputs

    program = Program(step, compiles=not model.run_eagerly, owner=f"Model {model.name!r}", kind="predict_step")

    def run(batch: tuple) -> Any:
        if not model.built:
            model(batch[0], training=False)
        return program(pack(map_structure(private, batch[0])))

    return run


def _split_function(model: TrainedModel, gather: bool) -> Callable:
    """A batch's outputs, each device computing those of its rows."""

    def run_on(call: Callable) -> Callable:
        def run(x: Any) -> Any:
            outputs = call(lay_out_batch(x))[0]
            return lay_out_whole(outputs) if gather else lay_out_filled(outputs)

        return run

    def run(batch: tuple) -> Any:
        x = model._fit_on_host(model.on_host(batch[0]))
        model._calls.build((x,), {})
        call = model._calls.program(False)
        outputs = model._calls.kept(("split", gather), lambda: run_on(call.function))(split_rows(x))
        return outputs if gather else Own(outputs, len(flatten(x)[0]))

    return run


def private(leaf: Any) -> Any:
    """A copy of an array that its owner may fill anew while the program still reads."""
    return np.array(leaf) if isinstance(leaf, np.ndarray) else leaf


def _outputs(
    model: TrainedModel, function: Callable, source: Any, watchers: CallbackList, together: int = 1
) -> Iterator[Any]:
    """The outputs of each batch, or of some together, on the host; calls the callbacks."""
    under_way: deque = deque()
    told = _Told(watchers, getattr(model, "steps_per_execution", None) or 1)
    model.stop_predicting, done = False, 0
    watchers.on_predict_begin()
    with contextlib.closing(watchers):
        with (
            closing_sources(source),
            contextlib.closing(_dispatches(model, function, source, together)) as dispatches,
        ):
            for send, count, room in dispatches:
                told.begin(done)
                under_way.append((send(), count, room))
                done += count
                told.end(done - 1, under_way[-1][0])
                watchers.progress(done, {})
                if len(under_way) > _UNDER_WAY:
                    yield _on_host(*under_way.popleft())
                if model.stop_predicting or (source.steps is not None and done >= source.steps):
                    break
        told.close()
        for sent in under_way:
            yield _on_host(*sent)
        watchers.on_predict_end()


def _dispatches(
    model: TrainedModel, function: Callable, source: Any, together: int
) -> Generator[tuple[Callable, int, int], None, None]:
    """What to send next, how many batches it holds, and for how many is room in what comes."""
    if together > 1:
        yield from dispatches_of_many(model, function, source, together)
        return
    with contextlib.closing(source.batches(0)) as batches:
        for batch in batches:
            yield (lambda batch=batch: function(batch)), 1, 1


class _Told:
    """Calls the callbacks of batches; those that go into one dispatch by `steps_per_execution` count as one.

    Args:
        watchers: the callbacks.
        together: how many batches are one.
    """

    def __init__(self, watchers: CallbackList, together: int):
        self._watchers, self._together = watchers, together
        self._watches = watchers.watches_batches("predict")
        self._outputs: list = []
        self._first = 0

    def begin(self, index: int) -> None:
        """Before a batch."""
        if self._watches and not self._outputs:
            self._first = index
            self._watchers.on_predict_batch_begin(index)

    def end(self, index: int, outputs: Any) -> None:
        """After a batch."""
        if self._watches:
            self._outputs.append(_on_host(outputs))
            if len(self._outputs) == self._together:
                self.close()

    def close(self) -> None:
        """Reports the batches that are left."""
        if self._outputs:
            joined = map_structure(
                lambda *parts: parts[0] if len(parts) == 1 else np.concatenate(parts), *self._outputs
            )
            self._outputs = []
            self._watchers.on_predict_batch_end(self._first + self._together - 1, {"outputs": joined})


def _on_host(outputs: Any, count: int = 1, room: int = 1) -> Any:
    if isinstance(outputs, Own):
        return outputs.on_host()
    found = map_structure_in_order(np.asarray, outputs)
    if not all(np.ndim(leaf) for leaf in flatten(found) if leaf is not None):
        raise DataError(f"predict: outputs need a batch axis to be joined along, but are {describe(found)}.")
    return found if count == room else map_structure(lambda leaf: leaf[: len(leaf) // room * count], found)


def writable(outputs: Any) -> Any:
    """Outputs as NumPy arrays that the caller may write to; what JAX hands out may only be read."""

    def own(output: Any) -> Any:
        array = np.asarray(output)
        return array if array.flags.writeable else array.copy()

    return map_structure_in_order(own, outputs)


def _joined(batches: Iterator[Any], rows: int) -> Any:
    """All batches as one; room for the rows that are expected is made at once."""
    first = next(batches, None)
    if first is None:
        raise DataError("predict: there is no data.")
    wholes = map_structure(lambda leaf: _Growing(leaf, rows), first)
    for batch in batches:
        map_structure(lambda whole, leaf: whole.append(leaf), wholes, batch)
    return map_structure(lambda whole: whole.rows(), wholes)


class _Growing:
    """An array that grows along its first axis."""

    def __init__(self, first: np.ndarray, expected: int):
        self._array = np.empty((max(expected, len(first)), *first.shape[1:]), first.dtype)
        self._count = 0
        self.append(first)

    def append(self, array: np.ndarray) -> None:
        if array.shape[1:] != self._array.shape[1:]:
            raise DataError(
                f"predict: one batch gives rows of shape {self._array.shape[1:]}, another of {array.shape[1:]}, and one array can't "
                "hold both. Pad the batches to one size, or take the outputs batch by batch, from `predict_batches`."
            )
        end, dtype = self._count + len(array), self._array.dtype
        if array.dtype != dtype:  # longer strings
            dtype = np.result_type(array.dtype, dtype)
        if end > len(self._array) or dtype != self._array.dtype:
            room = len(self._array) if end <= len(self._array) else max(end, 2 * len(self._array))
            larger = np.empty((room, *self._array.shape[1:]), dtype)
            larger[: self._count] = self._array[: self._count]
            self._array = larger
        self._array[self._count : end] = array
        self._count = end

    def rows(self) -> np.ndarray:
        full = self._count == len(self._array)
        return self._array if full else self._array[: self._count].copy()


def _written(batches: Iterator[Any], out: Any) -> Any:
    """The batches in `.npy` files, which are there when all is written; returns them memory-mapped."""
    first = next(batches, None)
    if first is None:
        raise DataError("predict: there is no data.")
    paths = flatten(out)
    if not same_structure(first, out) or not all(isinstance(path, (str, os.PathLike)) for path in paths):
        raise ArgumentError(
            f"predict: `out` must be the path of a file, or paths in the structure of the outputs, {describe(first)}, but got "
            f"{describe(out)}."
        )
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(_Rows(path, leaf)) for path, leaf in zip(paths, flatten(first), strict=True)]
        for batch in batches:
            for file, leaf in zip(files, flatten(batch), strict=True):
                file.append(leaf)
    return map_structure(lambda path: np.load(path, mmap_mode="r"), out)


def _written_once(batches: Iterator[Any], out: Any) -> Any:
    """The batches in files that the first of several processes writes, when it has; all compute them."""
    if is_first():
        _written(batches, out)
    else:
        deque(batches, maxlen=0)
    gathered(None, f"predict into {out!r}")
    return map_structure(lambda path: np.load(path, mmap_mode="r"), out)


class _Rows:
    """A `.npy` file that is written batch by batch, beside its place, and put there at the end."""

    def __init__(self, path: str | os.PathLike, first: np.ndarray):
        self._path, self._dtype, self._shape, self._count = Path(path), first.dtype, first.shape[1:], 0
        self._beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        self._file = self._beside.open("wb")
        self._write_header()
        self.append(first)

    def _write_header(self) -> None:
        # The format leaves room for the number of rows to grow in place.
        described = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._count, *self._shape),
        }
        self._file.seek(0)
        np.lib.format.write_array_header_1_0(self._file, described)

    def append(self, array: np.ndarray) -> None:
        """Writes some rows.

        Raises:
            DataError: of another shape than those before.
        """
        if array.shape[1:] != self._shape:
            raise DataError(f"predict: rows of {self._shape} go into {self._path}, but a batch has {array.shape[1:]}.")
        self._file.write(np.ascontiguousarray(array, self._dtype).data)
        self._count += len(array)

    def __enter__(self) -> "_Rows":
        return self

    def __exit__(self, kind: Any, *error: object) -> None:
        if kind is None:
            self._write_header()
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()
        if kind is None:
            self._beside.replace(self._path)
        else:
            self._beside.unlink(missing_ok=True)
