"""Long work shows on a terminal that it goes on, and leaves nothing behind; elsewhere it is silent."""

import contextlib
import io
import sys
import threading

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress

import plait
from plait import _long_work, layers
from plait._long_work import LongWork


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


class PatienceAtAnEnd:
    """A clock that has run down as soon as it is set."""

    def __init__(self, seconds, function):
        self.function = function

    def start(self):
        self.function()

    def cancel(self):
        pass

    join = cancel


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_long_work.threading, "Timer", PatienceAtAnEnd)
    return Terminal()


def work_on(out, **options):
    with contextlib.redirect_stdout(out):
        with LongWork("Counting [things]", **options) as work:
            assert list(work.through([1, 2, 3])) == [1, 2, 3]
        assert sys.stdout is out
    assert work.done == 3
    return out.getvalue()


def test_it_shows_and_goes_away(terminal):
    text = work_on(terminal)
    assert "Counting [things]" in text
    assert "\x1b[2K" in text  # the line is taken back
    assert text.count("\x1b[?25h") == text.count("\x1b[?25l") == 1


def test_no_color(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = work_on(terminal)
    assert "Counting" in text
    assert not any(f"\x1b[{code}m" in text for code in (*range(30, 38), *range(90, 98)))
    assert "38;" not in text


def test_silent_where_nobody_looks(terminal, monkeypatch):
    assert work_on(terminal, verbose=0) == ""
    assert work_on(io.StringIO()) == ""
    plait.config.disable_interactive_logging()
    try:
        assert work_on(terminal) == ""
    finally:
        plait.config.enable_interactive_logging()
    monkeypatch.setenv("TERM", "dumb")
    assert work_on(terminal) == ""


def test_silent_while_something_else_is_live(terminal):
    with (
        contextlib.redirect_stdout(terminal),
        Progress(console=Console(file=terminal), auto_refresh=False),
        LongWork("Saving") as work,
    ):
        work.advance()
    assert "Saving" not in terminal.getvalue()


def test_an_exception_takes_the_line_back(terminal):
    with contextlib.redirect_stdout(terminal):
        with pytest.raises(ValueError, match="broken"), LongWork("Loading"):
            raise ValueError("broken")
        assert sys.stdout is terminal
    assert terminal.getvalue().count("\x1b[?25h") == 1


def test_short_work_shows_nothing_and_leaves_no_thread(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert work_on(Terminal()) == ""
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_what_may_take_long(terminal, tmp_path):
    scale, words, bins = (
        layers.Normalization(name="scale"),
        layers.TextVectorization(name="words"),
        layers.Discretization(num_bins=2, name="bins"),
    )
    model = plait.Sequential([plait.Input((2,)), layers.Dense(1)], name="small")
    with contextlib.redirect_stdout(terminal):
        scale.adapt(np.ones((4, 2)))
        words.adapt(["a b", "c"])
        bins.adapt(np.arange(4.0))
        model.save(tmp_path / "small.keras")
        plait.load_model(tmp_path / "small.keras")
        plait.utils.plot_model(model, tmp_path / "small.svg")
        model.view(to_file=tmp_path / "small.html")
    shown = terminal.getvalue()
    for title in ("Adapting scale", "Adapting words", "Adapting bins", "Loading small.keras", "Drawing small"):
        assert title in shown
    assert "Laying out small" in shown
