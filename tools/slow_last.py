"""A pytest plugin: tests marked `slow` run after all others, so that a failure in a fast one shows early.

`make test` loads it with `-p slow_last`; a bare `pytest` keeps the order of the files.
"""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Moves the slow tests to the end, and keeps the order within both halves."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
