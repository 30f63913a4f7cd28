"""Skipped tests are summed up by reason."""

from types import SimpleNamespace

import skips


def test_skips_of_one_reason_are_one_line():
    told = [
        ("a/test_b.py", 3, "Skipped: no TensorFlow"),
        ("test_c.py", 1, "Skipped: slow"),
        ("d/test_a.py", 9, "no TensorFlow"),
    ]
    reports = [SimpleNamespace(longrepr=longrepr) for longrepr in told]
    assert skips.by_reason(reports) == ["    2  no TensorFlow (test_a.py, test_b.py)", "    1  slow (test_c.py)"]
