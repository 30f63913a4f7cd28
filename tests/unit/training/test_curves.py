"""Curves of runs: drawn, read from files, compared."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import plait
from plait import layers
from plait.cli import main
from plait.training.curves import Curves, draw_curves, read_run

FIRST = {"loss": [3.0, 2.0, 1.0], "val_loss": [3.5, 2.0, 2.5], "mae": [1.0, 0.5, 0.25]}


def trained(tmp_path, **options):
    model = plait.Sequential([plait.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((16, 3), "float32"), np.zeros((16, 1), "float32")
    callbacks = [plait.callbacks.CSVLogger(tmp_path / "run.csv")]
    return model.fit(x, y, epochs=4, validation_data=(x, y), verbose=0, callbacks=callbacks, **options)


def test_a_history_has_a_panel_for_each_loss_and_metric(tmp_path):
    pytest.importorskip("matplotlib")
    history = trained(tmp_path, validation_freq=2)
    figure = history.plot(tmp_path / "curves.png", dpi=50)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    panels = [panel for panel in figure.axes if panel.get_visible()]
    assert [panel.get_title() for panel in panels] == ["loss", "mae"]
    training, validation = panels[0].lines
    assert (training.get_label(), validation.get_label()) == ("training", "validation")
    assert list(training.get_xdata()) == [1, 2, 3, 4]
    assert list(validation.get_xdata()) == [2, 4]
    assert list(training.get_ydata()) == history.history["loss"]
    assert len(history.plot(names=["mae"]).axes) == 1


def test_a_name_that_is_not_there_is_told(tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match=r"no numbers of \['acc'\].*\['loss', 'mae'\]"):
        draw_curves([Curves("a", [0, 1, 2], FIRST)], names=["acc"])
    with pytest.raises(ValueError, match="any epoch"):
        plait.callbacks.History().plot()


def test_files_of_a_logger_and_histories_are_read(tmp_path):
    history = trained(tmp_path)
    logged = read_run(tmp_path / "run.csv")
    assert logged.epochs == [0, 1, 2, 3]
    assert set(logged.history) == set(history.history)
    for name, values in logged.history.items():
        np.testing.assert_allclose(values, history.history[name])
    (tmp_path / "saved.json").write_text(json.dumps(history.history))
    saved = read_run(tmp_path / "saved.json")
    assert (saved.name, list(saved.epochs)) == ("saved", [0, 1, 2, 3])
    assert saved.history == history.history


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", '{"loss": 3}', '{"loss": ["x"]}', "{", "epoch,loss\n"])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "run.csv").write_text(text)
    with pytest.raises(ValueError, match=r"run\.csv"):
        read_run(tmp_path / "run.csv")


def test_the_command_compares(tmp_path):
    pytest.importorskip("matplotlib")
    second = {name: [value / 2 for value in values] for name, values in FIRST.items()}
    for name, numbers in (("one", FIRST), ("two", second)):
        (tmp_path / f"{name}.json").write_text(json.dumps(numbers))
    files = [str(tmp_path / "one.json"), str(tmp_path / "two.json")]
    result = CliRunner(env={"COLUMNS": "140"}).invoke(main, ["compare", *files, "--to", str(tmp_path / "both.svg")])
    assert result.exit_code == 0, result.output
    row = next(line for line in result.output.splitlines() if "val_loss" in line)
    assert [cell.strip() for cell in row.split("│")[2:-1]] == [
        "2.5",
        "2 in 2",
        "3.5 in 1",
        "1.25",
        "1 in 2",
        "1.75 in 1",
    ]
    assert "<svg" in (tmp_path / "both.svg").read_text()
    refused = CliRunner().invoke(main, ["compare", __file__])
    assert refused.exit_code == 1
    assert "neither a CSVLogger's file" in refused.output


def test_one_name_may_be_given_alone():
    run = Curves("run", [0, 1], {"loss": [1.0, 0.5], "mae": [2.0, 1.0]})
    figure = draw_curves([run], names="mae")
    assert [panel.get_title() for panel in figure.axes] == ["mae"]
