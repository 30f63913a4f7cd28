"""Scripts in the manner of the well-known tutorials print the same on the real Keras with JAX and on plait."""

import json
import math
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import jax
import keras
import numpy as np
import pytest

import compiling
import oracle
import plait

HERE = Path(__file__).parent
ON_PLAIT_ONLY = ("feature_space", "tape", "text")  # Keras on JAX needs TensorFlow for a tape, and for strings
SCRIPTS = tuple(sorted({path.stem for path in (HERE / "scripts").glob("*.py")} - set(ON_PLAIT_ONLY)))
ALWAYS = ("backend_habits", "custom_layers", "masking")  # the others are marked slow
NUMBER = re.compile(r"(?<![A-Za-z_\d.])-?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+|nan|inf)(?![A-Za-z_])")


def ran(engine: str, names: tuple[str, ...]) -> dict[str, dict]:
    """What the scripts printed on an engine, all in one process of its own."""
    return run_on(engine, tuple(str(HERE / "scripts" / f"{name}.py") for name in names))


@cache
def run_on(engine: str, files: tuple[str, ...], python: str = sys.executable) -> dict[str, dict]:
    """What some files printed on an engine, by their names."""
    surroundings = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": str(Path(plait.__file__).parents[1]),
        "XLA_FLAGS": compiling.FLAGS,
    }
    command = [python, str(HERE / "run_scripts.py"), engine, *files]
    done = subprocess.run(command, capture_output=True, text=True, env=surroundings, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["engine"] == engine
    return {Path(file).stem: result for file, result in told["results"].items()}


def group(name: str) -> tuple[str, ...]:
    return ALWAYS if name in ALWAYS else tuple(other for other in SCRIPTS if other not in ALWAYS)


@pytest.mark.parametrize(
    "name", [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.slow) for name in SCRIPTS]
)
def test_the_script_prints_the_same(name):
    ours = ran("plait", group(name))[name]
    assert not ours["error"], ours["error"]
    theirs = oracle.answer(lambda: printed_by_keras(name), (HERE / "scripts" / f"{name}.py").read_text())
    assert differences(theirs, ours["printed"]) == []


def printed_by_keras(name: str) -> str:
    theirs = ran("keras", group(name))[name]
    assert not theirs["error"], theirs["error"]
    return theirs["printed"]


@pytest.mark.slow
def test_text_from_raw_strings():
    printed = ran("plait", ("text",))["text"]
    assert not printed["error"], printed["error"]
    words = "the blue a will to they than sea other one is if held for deeper brain b are".split()
    lines = printed["printed"].splitlines()
    assert lines[0] == str(["", "[UNK]", *words])  # the most frequent first; of equals the last of the alphabet
    known = {word: place + 2 for place, word in enumerate(words)}
    sentence = [known[word] for word in "the brain is deeper than the sea".split()]
    assert json.loads(lines[1])[0] == [*sentence, 0]


def test_a_table_through_a_feature_space():
    told = ran("plait", ("feature_space",))["feature_space"]
    assert not told["error"], told["error"]
    # 7 categories have 2+5+2+3+2+4+3 places, ages 30 bins, 5 numbers one each, the crosses 64 and 16
    assert told["printed"].splitlines()[2:] == [
        f"preprocessed_x.shape: (32, {21 + 30 + 5 + 64 + 16})",
        "preprocessed_x.dtype: float32",
        "learns: True",
        "probability: (1, 1) True",
    ]


def test_a_loop_with_a_tape_trains_as_keras_does():
    told = ran("plait", ("tape",))["tape"]
    assert not told["error"], told["error"]
    steps = oracle.answer(steps_of_the_loop, (HERE / "scripts" / "tape.py").read_text())
    assert differences("\n".join(steps), told["printed"]) == []


def steps_of_the_loop() -> list[str]:
    """What `scripts/tape.py` prints, by Keras's own training on JAX."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 6)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0).astype("int32") + (x[:, 2] > 0.5)
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(16, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3))(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.BatchNormalization()(hidden)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss, metrics=["sparse_categorical_accuracy"])
    lines = []
    for epoch in range(2):
        right = []
        for step, start in enumerate(range(0, 64, 16)):
            model.reset_metrics()
            value, accuracy = model.train_on_batch(x[start : start + 16], y[start : start + 16])
            right.append(accuracy)
            lines += [f"step {step}: loss {value:.6f}"] if step % 2 == 0 else []
        lines.append(f"epoch {epoch}: accuracy {np.mean(right):.6f}")
        lines.append(f"valid {model.evaluate(x[64:], y[64:], batch_size=16, verbose=0)[1]:.6f}")
    weights = [weight.value for weight in model.trainable_variables]
    rest = [weight.value for weight in model.non_trainable_variables]
    saliency = jax.grad(lambda image: model.stateless_call(weights, rest, image)[0].max(-1).sum())(x[:2])
    return [*lines, f"saliency (2, 6) {np.abs(saliency).sum():.6f}"]


def differences(theirs: str, ours: str, relative: float = 2e-3, absolute: float = 2e-4) -> list[str]:
    """Lines that differ in their words, or in a number by more than the tolerance."""
    found = []
    lines = theirs.splitlines(), ours.splitlines()
    for left, right in zip(*lines):
        numbers = [[float(text) for text in NUMBER.findall(line)] for line in (left, right)]
        words = [
            " ".join(NUMBER.sub("#", line).split()).replace("[ ", "[").replace(" ]", "]") for line in (left, right)
        ]
        close = len(numbers[0]) == len(numbers[1]) and all(
            math.isclose(a, b, rel_tol=relative, abs_tol=absolute) or (math.isnan(a) and math.isnan(b))
            for a, b in zip(*numbers)
        )
        if words[0] != words[1] or not close:
            found.append(f"Keras: {left}\nplait: {right}")
    if len(lines[0]) != len(lines[1]):
        found.append(f"{len(lines[0])} lines by Keras, {len(lines[1])} by plait")
    return found


def test_differences_are_found():
    assert differences("loss [0.50001 2.]\n", "loss [0.50002  2.]\n") == []
    assert len(differences("loss 0.5", "loss 0.6")) == 1
    assert len(differences("loss 0.5", "mae 0.5")) == 1
    assert len(differences("1\n2", "1")) == 1
