"""Files of a model that several processes hold: all call, one writes the whole, and all go on when it is there.

Where weights are split over processes, all of them go through the writing, one array at a time, since each array is put
together by all; what the others write is thrown away.
"""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from plait.distribution.agreement import gathered, is_first, several
from plait.errors import FileError
from plait.saving.formats import as_path


def by_one(write: Callable) -> Callable:
    """Makes a function of a model and a path one that several processes call and one carries out.

    Args:
        write: writes a file.

    Raises:
        FileError: on the others, where the first process failed.
    """

    @functools.wraps(write)
    def run(model: Any, filepath: Any, *args: Any, **kwargs: Any) -> None:
        if not several() or hasattr(filepath, "write"):
            write(model, filepath, *args, **kwargs)
            return
        error: Exception | None = None
        try:
            if is_first():
                write(model, filepath, *args, **kwargs)
            elif _is_split(model):
                with tempfile.TemporaryDirectory() as folder:
                    write(model, Path(folder) / as_path(filepath).name, *args, **kwargs)
        except Exception as caught:
            error = caught
        said = gathered(None if error is None else str(error), f"{write.__name__} of {str(filepath)!r}")
        if error is not None:
            raise error
        if said[0] is not None:
            raise FileError(f"{write.__name__}: the first process could not write {str(filepath)!r}: {said[0]}")

    return run


def _is_split(model: Any) -> bool:
    """Whether an array of the model or its optimizer lies on several processes in parts."""
    optimizer = getattr(model, "optimizer", None)
    return any(
        variable.is_split for variable in (*model.variables, *(optimizer.variables if optimizer is not None else ()))
    )
