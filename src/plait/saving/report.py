"""What became of the weights in a file: which were read, which are missing, which the model has no place for.

Verbs: `LoadReport.settle` raises one error with a table, or warns where that was asked for.
"""

from typing import Any

from plait.common.messages import warn
from plait.errors import FileError

_MOST = 50


class LoadReport:
    """The outcome of loading weights.

    Attributes:
        loaded: the paths of the variables that were read.
        missing: variables or layers that the file has nothing for, with the nearest names.
        extra: what the file has and the model hasn't, with the nearest names.
        wrong_shape: what differs in shape: its name, the model's shape, the file's.

    >>> report = LoadReport("load_weights('x')")
    >>> report.missing.append(("dense/kernel", ""))
    >>> report.complete
    False
    """

    def __init__(self, owner: str):
        self.owner = owner
        self.loaded: list[str] = []
        self.missing: list[tuple[str, str]] = []
        self.extra: list[tuple[str, str]] = []
        self.wrong_shape: list[tuple[str, Any, Any]] = []

    @property
    def complete(self) -> bool:
        """Whether everything in the file and in the model found its place."""
        return not (self.missing or self.extra or self.wrong_shape)

    def settle(self, partial: bool, hint: str = "partial=True or skip_mismatch=True loads what fits.") -> None:
        """Raises one error with everything that doesn't fit; warns instead where parts are enough.

        Raises:
            FileError: something doesn't fit.
        """
        if self.complete:
            return
        count = len(self.missing) + len(self.extra) + len(self.wrong_shape)
        title = f"{self.owner}: A total of {count} objects could not be loaded"
        if not partial:
            raise FileError(f"{title}, so nothing was:\n{self.table()}\n{hint}")
        if self.wrong_shape or self.missing:
            warn(f"{title}, and are left as they were:\n{self.table()}")

    def table(self) -> str:
        """Everything that doesn't fit, a line each."""
        rows = [f"missing in the file    {name}{near}" for name, near in self.missing]
        rows += [f"extra in the file      {name}{near}" for name, near in self.extra]
        rows += [
            f"of another shape       {name}: {mine} in the model, {other} in the file"
            for name, mine, other in self.wrong_shape
        ]
        more = [f"... and {len(rows) - _MOST} more"] if len(rows) > _MOST else []
        return "\n".join(f"  {row}" for row in (*rows[:_MOST], *more))

    def __repr__(self) -> str:
        sizes = f"{len(self.loaded)} loaded, {len(self.missing)} missing, {len(self.extra)} extra"
        return f"<LoadReport {sizes}, {len(self.wrong_shape)} of another shape>"
