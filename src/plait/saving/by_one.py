"""Files of a model that several processes hold: all call, one writes the whole, and all go on when it is there.

Of those that name the same path the first one writes; a process that names one of its own writes that.

Where weights are split over processes, all of them go through the writing, one array at a time, since each array is put
together by all; what the others write is thrown away.
"""

import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from plait.distribution.agreement import gathered, several
from plait.errors import FileError
from plait.saving.formats import as_path


def by_one(write: Callable) -> Callable:
    """Makes a function of a model and a path one that several processes call and one carries out.

    Args:
        write: writes a file.

    Raises:
        FileError: on the others, where the one that writes failed.
    """

    @functools.wraps(write)
    def run(model: Any, filepath: Any, *args: Any, **kwargs: Any) -> None:
        if not several() or hasattr(filepath, "write"):
            write(model, filepath, *args, **kwargs)
            return
        place = f"{write.__name__} of {model.name!r}"
        paths = gathered(os.path.abspath(filepath), place)  # they differ where each process has a folder of its own
        writer = paths.index(paths[jax.process_index()])
        error: Exception | None = None
        try:
            if writer == jax.process_index():
                write(model, filepath, *args, **kwargs)
            elif any(variable.is_split for variable in _variables(model)):
                with tempfile.TemporaryDirectory() as folder:
                    write(model, Path(folder) / as_path(filepath).name, *args, **kwargs)
        except Exception as caught:
            error = caught
        said = gathered(None if error is None else str(error), place)
        if error is not None:
            raise error
        if said[writer] is not None:
            raise FileError(f"{write.__name__}: process {writer} could not write {paths[writer]!r}: {said[writer]}")

    return run


def _variables(model: Any) -> list:
    optimizer = getattr(model, "optimizer", None)
    return [*model.variables, *(optimizer.variables if optimizer is not None else ())]
