"""Draws the golden pictures of tests/unit/inspect anew, after a wanted change of how models are drawn. Look at each then.

PYTHONPATH=src python tools/golden_svg.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import plait  # noqa: E402
from unit.inspect.example_models import GOLDEN  # noqa: E402


def main() -> None:
    """Writes the files."""
    for name, (make, options) in GOLDEN.items():
        file = ROOT / "tests" / "unit" / "inspect" / "golden" / f"{name}.svg"
        plait.utils.plot_model(make(), file, **options)
        print(f"{file}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
