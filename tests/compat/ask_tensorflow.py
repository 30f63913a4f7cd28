"""Runs the scripts of `tensorflow_scripts` and `real_tensorflow_scripts` on Keras with TensorFlow, and keeps what each printed.

`KERAS_BACKEND=tensorflow python tests/compat/ask_tensorflow.py`, in an environment with TensorFlow (`make tensorflow-answers`).
"""

import hashlib
import json
import sys
from pathlib import Path

import run_scripts

FOLDERS = [Path(__file__).with_name(name) for name in ("tensorflow_scripts", "real_tensorflow_scripts")]
PRINTED = Path(__file__).with_name("tensorflow_printed.json")


def digest(script: Path) -> str:
    """What says whether a script is still the one that was asked about."""
    return hashlib.sha256(script.read_bytes()).hexdigest()[:16]


def main() -> None:
    """Writes what they printed; a script that fails is an error."""
    kept = {}
    for script in sorted(path for folder in FOLDERS for path in folder.glob("*.py")):
        told = run_scripts.run(str(script))
        if told["error"]:
            sys.exit(f"{script.name}: {told['error']}")
        kept[script.stem] = {"script": digest(script), "printed": told["printed"]}
    PRINTED.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"{len(kept)} scripts", file=sys.stderr)


if __name__ == "__main__":
    main()
