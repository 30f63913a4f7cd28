"""Twelve trainings on real data: what there is to read, the model from a library, what to compile it with.

The tables lie in tests/data and examples/data; their README says where they come from.
"""

import csv
import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"


class Data(NamedTuple):
    """Inputs and labels, by name where there are several; and `fit`'s weights by class."""

    x: Any
    y: Any
    class_weight: dict | None = None


class Case(NamedTuple):
    """A training: reads its data, makes its model, says what to compile it with."""

    data: Callable[[], Data]
    model: Callable[[Any], Any]
    compiled: dict
    columns: bool = False  # whether every input and output is a column of a table


def table(name: str) -> dict[str, list[str]]:
    """The columns of a file, as text."""
    content = (DATA / name).read_bytes()
    lines = (gzip.decompress(content) if name.endswith(".gz") else content).decode().splitlines()
    header, *rows = csv.reader(lines, delimiter=" " if name.startswith("linnerud") else ",")
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def numbers(columns: dict, *names: str) -> np.ndarray:
    """Some columns as numbers, (N, n), on a common scale."""
    values = np.array([columns[name] for name in names], "float32").T
    return ((values - values.mean(0)) / (values.std(0) + 1e-6)).astype("float32")


def classes(column: list[str]) -> np.ndarray:
    """A column of words as class numbers."""
    return np.unique(column, return_inverse=True)[1].astype("int32")


# ---------------------------------------------------------------------------- several inputs and outputs


def diamonds() -> Data:
    """Measurements and grades; the price and the cut."""
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        from diamonds import load
    finally:
        sys.path.pop(0)
    stones = load().take(np.arange(0, 53940, 150))
    measured = (stones.measurements - stones.measurements.mean(0)) / stones.measurements.std(0)
    price = np.log(stones.price)
    return Data(
        {"measurements": measured.astype("float32"), "grades": stones.grades},
        {"price": (price - price.mean())[:, None].astype("float32"), "cut": stones.cut},
    )


def diamonds_model(lib: Any) -> Any:
    measured, grades = lib.Input((6,), name="measurements"), lib.Input((2,), dtype="int32", name="grades")
    embedded = lib.layers.Flatten()(lib.layers.Embedding(8, 3)(grades))
    h = lib.layers.Dense(16, activation="relu")(lib.layers.Concatenate()([measured, embedded]))
    cut = lib.layers.Dense(5, activation="softmax", name="cut")(h)
    return lib.Model(
        {"measurements": measured, "grades": grades}, {"price": lib.layers.Dense(1, name="price")(h), "cut": cut}
    )


def penguins() -> Data:
    """The body and the island; the species and the mass. Birds with missing values are left out."""
    columns = table("penguins.csv")
    complete = [
        place for place, row in enumerate(zip(*columns.values(), strict=True)) if "" not in row and "NA" not in row
    ]
    columns = {name: [values[place] for place in complete] for name, values in columns.items()}
    body = numbers(columns, "bill_length_mm", "bill_depth_mm", "flipper_length_mm")
    return Data(
        {"body": body, "island": np.eye(3, dtype="float32")[classes(columns["island"])]},
        {"species": classes(columns["species"]), "mass": numbers(columns, "body_mass_g")},
    )


def penguins_model(lib: Any) -> Any:
    body, island = lib.Input((3,), name="body"), lib.Input((3,), name="island")
    trunk = lib.layers.Dense(8, activation="tanh")
    h = lib.layers.Add()([trunk(body), lib.layers.Dense(8)(island)])
    species = lib.layers.Dense(3, activation="softmax", name="species")(h)
    return lib.Model(
        {"body": body, "island": island}, {"species": species, "mass": lib.layers.Dense(1, name="mass")(h)}
    )


FLARES = ("c-class-flares", "m-class-flares", "x-class-flares")


def solar_flares() -> Data:
    """A region's kind and activity; how many flares of each of three classes."""
    columns = table("solar_flare.csv.gz")
    words = {name: values for name, values in columns.items() if name not in FLARES}
    kinds = np.concatenate([np.eye(len(set(v)), dtype="float32")[classes(v)] for v in list(words.values())[:3]], 1)
    rest = numbers({name: classes(values) for name, values in words.items()}, *list(words)[3:])
    counts = {name[0]: np.array(columns[name], "float32")[:, None] for name in FLARES}
    return Data({"kind": kinds[::3], "activity": rest[::3]}, {name: values[::3] for name, values in counts.items()})


def solar_flares_model(lib: Any) -> Any:
    sizes = {name: values.shape[1] for name, values in solar_flares().x.items()}
    inputs = {name: lib.Input((size,), name=name) for name, size in sizes.items()}
    h = lib.layers.Concatenate()(list(inputs.values()))
    h = lib.layers.Dense(8, activation="relu")(h)
    return lib.Model(inputs, {name: lib.layers.Dense(1, activation="softplus", name=name)(h) for name in "cmx"})


def cars() -> Data:
    """Four columns of a table; miles a gallon in the city and on the highway."""
    columns = table("mpg.csv")
    return Data(
        {name: numbers({name: classes(columns[name]) if name == "drv" else columns[name]}, name) for name in CAR},
        {name: np.array(columns[name], "float32")[:, None] / 10 for name in ("cty", "hwy")},
    )


CAR = ("displ", "year", "cyl", "drv")


def cars_model(lib: Any) -> Any:
    inputs = {name: lib.Input((1,), name=name) for name in CAR}
    h = lib.layers.Dense(8, activation="relu")(lib.layers.Concatenate()(list(inputs.values())))
    return lib.Model(inputs, {name: lib.layers.Dense(1, name=name)(h) for name in ("cty", "hwy")})


def linnerud() -> Data:
    """Three exercises; three measurements of the body."""
    exercise, body = table("linnerud_exercise.csv"), table("linnerud_physiological.csv")
    return Data(
        {name.lower(): numbers(exercise, name) for name in exercise},
        {name.lower(): numbers(body, name) for name in body},
    )


def linnerud_model(lib: Any) -> Any:
    inputs = {name: lib.Input((1,), name=name) for name in ("chins", "situps", "jumps")}
    h = lib.layers.Average()([lib.layers.Dense(4, activation="tanh")(value) for value in inputs.values()])
    return lib.Model(inputs, {name: lib.layers.Dense(1, name=name)(h) for name in ("weight", "waist", "pulse")})


# ---------------------------------------------------------------------------- images, series, text


def digits() -> Data:
    """Pictures of digits."""
    rows = np.loadtxt(DATA / "digits.csv.gz", delimiter=",", dtype="float32")[::4]
    return Data((rows[:, :64] / 16).reshape(-1, 8, 8, 1), rows[:, 64].astype("int32"))


def digits_model(lib: Any) -> Any:
    x = lib.Input((8, 8, 1))
    h = lib.layers.Conv2D(4, 3, activation="relu")(x)
    h = lib.layers.MaxPooling2D()(lib.layers.BatchNormalization()(h))
    return lib.Model(x, lib.layers.Dense(10, activation="softmax")(lib.layers.Flatten()(h)))


def vowels() -> Data:
    """Utterances of different lengths, filled up with zeros; the speaker."""
    rows = np.loadtxt(DATA / "japanese_vowels.csv.gz", delimiter=",", skiprows=1, dtype="float32")
    series = rows[:, 0].astype(int)
    x = np.zeros((series.max() + 1, 26, 12), "float32")
    for number in range(len(x)):
        steps = rows[series == number, 2:][:26]
        x[number, : len(steps)] = steps
    speakers = np.array([rows[series == number][0, 1] for number in range(len(x))])
    return Data(x[::2], speakers[::2].astype("int32") - 1)


def vowels_model(lib: Any) -> Any:
    x = lib.Input((26, 12))
    h = lib.layers.GRU(6)(lib.layers.Masking()(x))
    return lib.Model(x, lib.layers.Dense(9, activation="softmax")(h))


def sunspots() -> Data:
    """Twelve years of sunspots; the next one."""
    values = np.array(table("sunspots.csv")["SUNACTIVITY"], "float32") / 100
    windows = np.lib.stride_tricks.sliding_window_view(values, 13).copy()
    return Data(windows[:, :12, None], windows[:, 12:])


def sunspots_model(lib: Any) -> Any:
    x = lib.Input((12, 1))
    h = lib.layers.Conv1D(4, 3, padding="causal", activation="relu")(x)
    return lib.Model(x, lib.layers.Dense(1)(lib.layers.LSTM(4)(h)))


def text() -> Data:
    """Fifteen letters of a licence; the next one."""
    letters = classes(list((ROOT / "LICENSE").read_text(encoding="utf-8")[:4000]))
    windows = np.lib.stride_tricks.sliding_window_view(letters, 16)[::8].copy()
    return Data(windows[:, :15], windows[:, 15])


def text_model(lib: Any) -> Any:
    x = lib.Input((15,), dtype="int32")
    h = lib.layers.Embedding(100, 4)(x)
    h = lib.layers.LayerNormalization()(lib.layers.MultiHeadAttention(2, 4)(h, h))
    return lib.Model(x, lib.layers.Dense(100, activation="softmax")(lib.layers.GlobalAveragePooling1D()(h)))


# ---------------------------------------------------------------------------- tables


def tumours() -> Data:
    """Measurements; malignant or benign."""
    rows = np.loadtxt(DATA / "breast_cancer.csv.gz", delimiter=",", skiprows=1, dtype="float32")
    x = rows[:, :30]
    return Data((x - x.mean(0)) / x.std(0), rows[:, 30:])


def tumours_model(lib: Any) -> Any:
    x = lib.Input((30,))
    h = lib.layers.Dense(8, activation="relu", kernel_regularizer="l2")(x)
    return lib.Model(x, lib.layers.Dense(1, activation="sigmoid")(h))


def wines() -> Data:
    """Measurements; the cultivar."""
    rows = np.loadtxt(DATA / "wine.csv", delimiter=",", skiprows=1, dtype="float32")
    x = rows[:, :13]
    return Data((x - x.mean(0)) / x.std(0), np.eye(3, dtype="float32")[rows[:, 13].astype(int)])


def wines_model(lib: Any) -> Any:
    x = lib.Input((13,))
    h = lib.layers.Dense(8, use_bias=False)(x)
    h = lib.layers.Activation("relu")(lib.layers.BatchNormalization()(h))
    return lib.Model(x, lib.layers.Dense(3, activation="softmax")(h))


def phishing() -> Data:
    """Signs of a page; phishing or not."""
    rows = np.loadtxt(DATA / "phishing.csv.gz", delimiter=",", skiprows=1, dtype="float32")[::3]
    return Data(rows[:, :9], rows[:, 9].astype("int32"), {0: 1.0, 1: 3.0})


def phishing_model(lib: Any) -> Any:
    x = lib.Input((9,))
    return lib.Model(x, lib.layers.Dense(2, activation="softmax")(lib.layers.Dense(6, activation="relu")(x)))


SPARSE = "sparse_categorical_crossentropy"
CASES = {
    "diamonds": Case(
        diamonds,
        diamonds_model,
        {"loss": {"price": "mse", "cut": SPARSE}, "metrics": {"price": ["mae"], "cut": ["accuracy"]}},
    ),
    "penguins": Case(
        penguins,
        penguins_model,
        {"loss": {"species": SPARSE, "mass": "huber"}, "loss_weights": {"species": 1.0, "mass": 0.5}},
    ),
    "solar flares": Case(solar_flares, solar_flares_model, {"loss": "poisson"}),
    "cars": Case(cars, cars_model, {"loss": "mae", "metrics": {"cty": ["mse"]}}, columns=True),
    "linnerud": Case(linnerud, linnerud_model, {"loss": "mse"}, columns=True),
    "digits": Case(digits, digits_model, {"loss": SPARSE, "metrics": ["accuracy"]}),
    "vowels": Case(vowels, vowels_model, {"loss": SPARSE, "metrics": ["accuracy"]}),
    "sunspots": Case(sunspots, sunspots_model, {"loss": "log_cosh"}),
    "text": Case(text, text_model, {"loss": SPARSE, "metrics": ["sparse_top_k_categorical_accuracy"]}),
    "tumours": Case(tumours, tumours_model, {"loss": "binary_crossentropy", "metrics": ["accuracy", "AUC"]}),
    "wines": Case(wines, wines_model, {"loss": "categorical_crossentropy", "metrics": ["accuracy"]}),
    "phishing": Case(phishing, phishing_model, {"loss": SPARSE, "weighted_metrics": ["accuracy"]}),
}
