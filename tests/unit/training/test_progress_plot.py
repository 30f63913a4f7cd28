"""Curves in the terminal while a model trains: what they look like, where they show, and that the terminal comes back."""

import contextlib
import io
import sys

import numpy as np
import pytest
from rich.console import Console

import plait
from plait import layers
from plait.training.callbacks import progress
from plait.training.callbacks.progress_plot import Curves, ProgressPlot

BRAILLE = """\
╭───────────────── loss ─────────────────╮
│   2┤⠙⠲⣄⣀                               │
│    │   ⠉⠻⢤⣄⣀                           │
│    │      ⠈⠙⠒⠷⠶⣄⣤⣀ ⡀                   │
│ 0.5┤            ⠈⠉⠉⠛⠛⠒⠻⠶⠤⠶⠶⢤⣤⣤⣀⣤⣤⣀⣤⣤⣀⣤ │
│     epoch 1                    6 of 10 │
╰── training 0.5000  validation 0.6000 ──╯
"""
ASCII = """\
+----------------- loss -----------------+
|   2|o*o                                |
|    |  o*o*o                            |
|    |      **o*o*o*o*o o                |
| 0.5|               ***o*o*o*o*o*o*o*o* |
|     epoch 1                    6 of 10 |
+-- training 0.5000  validation 0.6000 --+
"""


def numbers(curves, epochs=6):
    for epoch in range(epochs):
        curves.add(epoch, {"loss": 1 / (epoch + 1), "val_loss": 1 / (epoch + 1) + 0.1, "accuracy": epoch / 8})
    return curves


def text_of(curves, width=42, height=10, encoding="utf-8", **options):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(width=width, height=height, file=file, **options)
    console.print(curves)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    for name, value in (("TERM", "xterm"), ("COLUMNS", "100"), ("LINES", "40")):
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


def train(to, **options):
    """Trains a little, with what is printed going to a file, and looks that it is given back."""
    with contextlib.redirect_stdout(to):
        try:
            return fitted(**options)
        finally:
            assert sys.stdout is to


def fitted(**options):
    plait.utils.set_random_seed(0)
    model = plait.Sequential([plait.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 2))
    return model.fit(x, x.sum(1, keepdims=True), validation_split=0.25, **options)


@pytest.mark.parametrize("encoding, golden", [("utf-8", BRAILLE), ("ascii", ASCII)], ids=["braille", "ascii"])
def test_a_panel_looks_so(encoding, golden):
    curves = Curves(10)
    for epoch, value in enumerate((2.0, 1.2, 0.8, 0.6, 0.5, 0.5)):
        curves.add(epoch, {"loss": value, "val_loss": value + 0.1 if epoch else value})
    assert text_of(curves, encoding=encoding) == golden


@pytest.mark.parametrize("width, height", [(20, 8), (80, 12), (80, 24), (200, 50)])
def test_panels_fit_the_terminal(width, height):
    curves = numbers(Curves(10))
    curves.add(6, {f"metric_{index}": index for index in range(9)})
    lines = text_of(curves, width, height).splitlines()
    assert len(lines) <= max(height - 2, 8)
    assert max(map(len, lines)) <= width
    assert "loss" in lines[0]
    shown = "\n".join(lines)
    assert "no room for" in shown or all(f"metric_{index}" in shown for index in range(9))


def test_numbers_that_are_no_numbers():
    curves = Curves()
    for epoch, value in enumerate((1.0, float("nan"), float("inf"), 3.0)):
        curves.add(epoch, {"loss": value, "array": np.zeros(3), "gone": float("nan")})
    assert curves.names() == ["loss", "gone"]
    assert "gone" in text_of(curves, height=40)


def test_numbers_far_apart_are_drawn_by_their_logarithms():
    curves = Curves()
    for epoch in range(4):
        curves.add(epoch, {"loss": 10.0**-epoch})
    lines = text_of(curves, height=40).splitlines()
    assert "loss (log)" in lines[0]
    assert [line[7:-2].strip(" ") != "" for line in lines[1:-2]] == [True] * 9  # a straight line, from top to bottom


def test_fit_draws_curves_in_a_terminal(terminal):
    assert train(terminal, epochs=4, progress="plot").epoch == [0, 1, 2, 3]
    text = terminal.getvalue()
    assert "4 of 4" in text
    assert "loss" in text
    assert "mae" in text
    assert "\x1b[34m" in text  # training is blue
    assert text.count("\x1b[?25h") == text.count("\x1b[?25l")  # the cursor is there again


def test_no_color_draws_without_colours(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    train(terminal, epochs=2, progress="plot")
    assert "2 of 2" in terminal.getvalue()
    assert "[34m" not in terminal.getvalue()
    assert "[33m" not in terminal.getvalue()


def test_drawings_are_few(terminal, monkeypatch):
    drawn = []
    monkeypatch.setattr(Curves, "__rich_console__", lambda *args: drawn.append(1) or iter(["."]))
    now = iter(np.arange(1e6) * 1e-4)  # a clock on which each look takes a tenth of a millisecond
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(now))
    train(terminal, epochs=300, progress="plot")
    assert 1 <= len(drawn) <= 10


@pytest.mark.parametrize("progress_name", ["bar", "plot"])
def test_an_exception_gives_the_terminal_back(terminal, progress_name):
    def stop(epoch, logs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(
            terminal, epochs=2, progress=progress_name, callbacks=[plait.callbacks.LambdaCallback(on_epoch_begin=stop)]
        )
    with pytest.raises(KeyboardInterrupt):
        stopper = plait.callbacks.LambdaCallback(on_train_batch_end=stop)
        train(terminal, epochs=2, progress=progress_name, callbacks=[stopper])
    assert terminal.getvalue().count("\x1b[?25h") == terminal.getvalue().count("\x1b[?25l")


def test_elsewhere_there_are_plain_lines(capsys):
    fitted(epochs=2, progress="plot")
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]


@pytest.mark.parametrize("verbose, lines", [(0, 0), (2, 2)])
def test_verbose_is_respected(terminal, verbose, lines):
    train(terminal, epochs=2, progress="plot", verbose=verbose)
    assert len(terminal.getvalue().splitlines()) == lines
    assert "\x1b" not in terminal.getvalue()


@pytest.mark.parametrize("wrong", ["plots", 1, None, ["plot"]])
def test_an_unknown_progress_is_an_error(wrong):
    with pytest.raises(plait.errors.ArgumentError, match="`progress` must be 'bar' or 'plot'"):
        fitted(progress=wrong)


def test_evaluate_has_a_bar_and_no_curves(terminal):
    logger = ProgressPlot()
    logger.set_params({"verbose": 1, "steps": 3})
    with contextlib.redirect_stdout(terminal):
        logger.on_test_begin()
        logger.on_test_end({"loss": 1.0})
    assert "Evaluate" in terminal.getvalue()
    assert "╭" not in terminal.getvalue()
