"""The price and the cut of a diamond, from its measurements and its grades: two inputs, two outputs, one model.

Run it with `make demo`. It trains on 43,152 real diamonds, compares with a plain baseline on 5,394 held-out ones, saves
and loads the model, then makes a new model out of its inner tensors: the trunk frozen, a new head trained.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from diamonds import CLARITIES, COLORS, CUTS, Diamonds, load, split

import plait
from plait import layers

EPOCHS = 12


def standardised(train: Diamonds, other: Diamonds) -> dict[str, np.ndarray]:
    """The inputs by name: measurements on a scale learnt from the training rows, and grades as numbers."""
    mean, deviation = train.measurements.mean(0), train.measurements.std(0)
    return {"measurements": (other.measurements - mean) / deviation, "grades": other.grades}


def labels(train: Diamonds, other: Diamonds) -> dict[str, np.ndarray]:
    """The labels by the outputs' names: the logarithm of the price, standardised, and the cut as a number."""
    logs = np.log(train.price)
    return {"price": (np.log(other.price) - logs.mean()) / logs.std(), "cut": other.cut}


def build() -> plait.Model:
    """Measurements through a dense layer, grades through an embedding each, a shared trunk, two heads."""
    measurements = plait.Input(shape=(6,), name="measurements")
    grades = plait.Input(shape=(2,), dtype="int32", name="grades")
    color = layers.Embedding(len(COLORS), 4, name="color")(grades[:, 0])
    clarity = layers.Embedding(len(CLARITIES), 4, name="clarity")(grades[:, 1])
    h = layers.Concatenate(name="joined")([measurements, color, clarity])
    h = layers.Dense(128, activation="relu", name="trunk_1")(h)
    trunk = layers.Dense(64, activation="relu", name="trunk_2")(h)
    price = layers.Dense(1, name="price")(trunk)
    cut = layers.Dense(len(CUTS), activation="softmax", name="cut")(layers.Dropout(0.1, name="drop")(trunk))
    return plait.Model([measurements, grades], {"price": price, "cut": cut}, name="diamonds")


def baseline(train: Diamonds, test: Diamonds) -> tuple[float, float]:
    """Linear regression of the price's logarithm, and the most frequent cut: mean error in dollars, and accuracy."""

    def design(rows: Diamonds) -> np.ndarray:
        one_hot = [np.eye(n)[rows.grades[:, i]] for i, n in enumerate((len(COLORS), len(CLARITIES)))]
        return np.column_stack([standardised(train, rows)["measurements"], *one_hot])

    weights, *_ = np.linalg.lstsq(design(train), np.log(train.price), rcond=None)
    error = np.abs(np.exp(design(test) @ weights) - test.price).mean()
    return float(error), float((test.cut == np.bincount(train.cut).argmax()).mean())


def dollars(train: Diamonds, prediction: np.ndarray) -> np.ndarray:
    """Prices in dollars from standardised logarithms."""
    logs = np.log(train.price)
    return np.exp(prediction[:, 0] * logs.std() + logs.mean())


def train_model(train: Diamonds, validation: Diamonds) -> plait.Model:
    """Trains both outputs together, with two losses and weights, and watches rows that aren't trained on."""
    model = build()
    model.summary()
    model.compile(
        optimizer=plait.optimizers.Adam(2e-3),
        loss={"price": "mse", "cut": "sparse_categorical_crossentropy"},
        loss_weights={"price": 1.0, "cut": 0.4},
        metrics={"cut": ["accuracy"], "price": ["mae"]},
    )
    model.fit(
        standardised(train, train),
        labels(train, train),
        batch_size=128,
        epochs=EPOCHS,
        validation_data=(standardised(train, validation), labels(train, validation)),
    )
    return model


def new_head(model: plait.Model, train: Diamonds, test: Diamonds) -> None:
    """Uses the trunk for a question it wasn't trained for: is the stone heavier than one carat?"""
    trunk = plait.Model(model.inputs, model.get_layer("trunk_2").output, name="trunk")
    trunk.trainable = False
    heavy = layers.Dense(1, activation="sigmoid", name="heavy")(trunk.output)
    asked = plait.Model(trunk.inputs, heavy, name="heavier_than_a_carat")
    asked.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    before = trunk.get_weights()
    asked.fit(standardised(train, train), (train.measurements[:, 0] > 1).astype("float32"), batch_size=256, epochs=2)
    unchanged = all(np.array_equal(a, b) for a, b in zip(before, trunk.get_weights(), strict=True))
    _, accuracy = asked.evaluate(standardised(train, test), (test.measurements[:, 0] > 1).astype("float32"), verbose=0)
    print(f"new head on the frozen trunk: {accuracy:.1%} right; frozen weights unchanged: {unchanged}")
    check(unchanged, "the frozen weights changed")


def check(holds: bool, otherwise: str) -> None:
    """Ends the program with a message where something that must hold doesn't."""
    if not holds:
        sys.exit(f"FAILED: {otherwise}")


def main() -> None:
    began = time.perf_counter()
    plait.utils.set_random_seed(0)
    train, validation, test = split(load())
    print(f"{len(train):,} diamonds to train on, {len(validation):,} to validate, {len(test):,} held out")
    model = train_model(train, validation)
    predicted = model.predict(standardised(train, test), verbose=0)
    error = float(np.abs(dollars(train, predicted["price"]) - test.price).mean())
    accuracy = float((predicted["cut"].argmax(-1) == test.cut).mean())
    plain_error, plain_accuracy = baseline(train, test)
    print(f"mean error of the price: {error:,.0f} $ (linear regression: {plain_error:,.0f} $)")
    print(f"cut right: {accuracy:.1%} (most frequent cut: {plain_accuracy:.1%})")
    check(error < plain_error and accuracy > plain_accuracy, "the model doesn't beat the baseline")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "diamonds.keras"
        model.save(path)
        again = plait.load_model(path).predict(standardised(train, test), verbose=0)
        same = all(np.array_equal(predicted[name], again[name]) for name in predicted)
        print(f"saved ({path.stat().st_size / 1024:.0f} KB) and loaded; the same predictions: {same}")
        check(same, "the loaded model predicts something else")

    new_head(model, train, test)
    print(f"done in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
