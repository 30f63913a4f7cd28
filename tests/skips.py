"""Skipped tests, summed up: how many there are for each reason, and in which files."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def by_reason(reports: Iterable[Any]) -> list[str]:
    """A line for each reason that skipped reports give, the most frequent first."""
    files: dict[str, list[str]] = defaultdict(list)
    for report in reports:
        path, _, reason = report.longrepr
        files[reason.removeprefix("Skipped: ")].append(Path(path).name)
    most_first = sorted(files.items(), key=lambda item: -len(item[1]))
    return [f"{len(names):5}  {reason} ({', '.join(sorted(set(names)))})" for reason, names in most_first]
