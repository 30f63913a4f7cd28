"""Names of Keras's or TensorFlow's that were asked for and weren't there, counted for the report."""

from collections import Counter

asked_for: Counter[str] = Counter()


def note(name: str) -> None:
    """Counts a name; probes for what begins with an underscore don't count."""
    if not name.rsplit(".", 1)[-1].startswith("_"):
        asked_for[name] += 1
