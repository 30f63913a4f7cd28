"""Writes what the installed Keras makes of each architecture: `PYTHONPATH=src python tools/golden_applications.py`.

The file, tests/parity/applications.json, has for each name: how many layers and parameters there are, a digest of the
layers' names in order, a digest of the weights' paths and shapes in order, and the files that are asked for with the top and
without: name, address, checksum. The tests build plait's, and compare; no weight is drawn there. Here Keras draws them all,
which takes minutes, and memory for the largest.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

FILE = Path(__file__).resolve().parents[1] / "tests" / "parity" / "applications.json"


def digest(values: Any) -> str:
    """The SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def described(model: Any, file: list) -> dict:
    """What the file says of a model, Keras's or plait's."""
    return {
        "layers": len(model.layers),
        "layer_names": digest([layer.name for layer in model.layers]),
        "weights": digest([[weight.path, list(weight.shape)] for weight in model.weights]),
        "parameters": model.count_params(),
        "file": file,
    }


def of_keras(name: str) -> dict:
    """What Keras makes: with the top, and without."""
    import keras
    from keras.src.utils import file_utils

    found = {}
    for title, include_top in (("with_top", True), ("without_top", False)):
        asked = []

        def fetch(file: str, origin: str, cache_subdir: str = "", file_hash: str = "", asked: list = asked) -> str:
            asked.append([file, origin, cache_subdir, file_hash or None])
            return file

        file_utils.get_file = fetch
        keras.Model.load_weights = lambda self, path: None
        keras.backend.clear_session()
        found[title] = described(getattr(keras.applications, name)(include_top=include_top), asked[0])
    return found


def main() -> None:
    """Writes the file, name by name."""
    import keras

    found = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name in sorted(name for name in dir(keras.applications) if name[0].isupper()):
        if name not in found:
            found[name] = of_keras(name)
            print(name, found[name]["with_top"]["parameters"], flush=True)
            FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
