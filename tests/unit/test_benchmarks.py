"""The benchmark's ratios and table are right, and what it calls the same training is the same."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import plait

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    """Imports a module of the benchmark."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield importlib.import_module


def made_up():
    """Three rounds of four peers, one of which failed."""
    rounds = {"plait": [2, 1, 4], "keras": [6, 6, 9], "nightly-x16": [3, 5, 4], "torch": [1, 1, 1]}
    results = {
        name: [{"seconds": s / 1000, "loss": 0.5 if name != "torch" else 0.6} for s in times]
        for name, times in rounds.items()
    }
    return {**results, "keras-tf": [{"failed": "no such thing"}]}


def test_ratios_are_of_medians_and_the_best_keras_is_the_fastest_of_all_its_engines(bench):
    row = bench("report").summary(made_up(), limit=0.001)
    assert row["best_keras"] == "nightly-x16"
    assert row["x_best_keras"] == pytest.approx(2)
    assert row["ratios"] == pytest.approx({"keras": 3, "nightly-x16": 2, "torch": 0.5})
    assert row["share_of_limit"] == pytest.approx(0.5)
    assert (row["peers"]["plait"]["low"], row["peers"]["plait"]["high"]) == (0.001, 0.004)


def test_a_loss_that_is_apart_or_no_number_is_found(bench):
    report = bench("report")
    assert report.summary(made_up())["disagree"] == pytest.approx({"torch": 0.2})
    broken = {"keras": [{"seconds": 1, "loss": 1.0}], "plait": [{"seconds": 1, "loss": float("nan")}]}
    assert list(report.summary(broken)["disagree"]) == ["plait"]


def test_the_table_shows_medians_marks_and_what_was_left_out(bench, tmp_path):
    report = bench("report")
    whole = {"date": "2026-01-02", "machine": "m", "packages": "p", "speed": "s", "left_out": ["jax: not installed"]}
    whole["rows"] = {"tiny": report.summary(made_up(), limit=0.001)}
    table = report.markdown(whole)
    (line,) = [line for line in table.splitlines() if line.startswith("| tiny")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:4] == ["tiny", "3", "2 ms [1 ms-4 ms]", "6 ms [6 ms-9 ms]"]
    assert cells[4] == "failed"
    assert cells[6] == "4 ms [3 ms-5 ms] (x16)"
    assert cells[7] == "1 ms [1 ms-1 ms] (!)"
    assert cells[-5:] == ["1 ms", "2.00", "0.50", "3; 8", "50%"]
    assert "Below its aim: tiny 2.00 x best Keras (aim 3)." in table
    assert "jax: not installed" in table
    assert "tiny on keras-tf: no such thing" in table
    report.picture(whole, tmp_path / "bench.svg")
    assert "<svg" in (tmp_path / "bench.svg").read_text()


def test_the_limit_counts_operations_of_dense_and_convolutional_layers(bench):
    inputs = plait.Input((8, 8, 3))
    h = plait.layers.Conv2D(4, 3, padding="same")(inputs)
    model = plait.Model(inputs, plait.layers.Dense(5)(plait.layers.Flatten()(h)))
    assert bench("limits").forward_flops(model) == 2 * (64 * 27 * 4 + 256 * 5)


@pytest.mark.parametrize("name", ["tiny", "gru", pytest.param("transformer", marks=pytest.mark.slow)])
def test_the_loop_written_by_hand_is_the_same_training_as_fit(bench, name):
    networks = bench("networks")
    work = networks.WORKS[name]
    model = work.build(plait)
    plait_weights = networks.layer_weights(model)
    x, y = work.rows(work.batch * 4)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    by_hand = bench("by_hand_jax").trainer(name, plait_weights, x, y)
    for _ in range(2):
        theirs = by_hand()
        ours = model.fit(x, y, batch_size=work.batch, shuffle=False, verbose=0).history["loss"][-1]
        np.testing.assert_allclose(theirs, ours, rtol=1e-3)
