"""The time that progress tells: compiling by itself, and steps without it and without validation."""

import io
import itertools

import numpy as np
import pytest
from rich.console import Console

import plait
from plait import layers
from plait.core.traces import Clock, clock
from plait.training.callbacks import progress

X, Y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")


@pytest.fixture
def now(monkeypatch):
    """The time that the program sees: what moves it on is the test."""
    seconds = [1000.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: seconds[0])
    return seconds


class Ticking(plait.callbacks.Callback):
    """A step takes half a second, one of validation three."""

    def __init__(self, now):
        super().__init__()
        self.now = now

    def on_train_batch_end(self, batch, logs=None):
        self.now[0] += 0.5

    def on_test_batch_end(self, batch, logs=None):
        self.now[0] += 3

    def on_predict_batch_end(self, batch, logs=None):
        self.now[0] += 2


def slow_model(now, monkeypatch):
    """A program of it takes 12 seconds to compile."""

    def end(self, plainly=Clock.end):
        now[0] += 12 if self.began is not None else 0
        plainly(self)

    monkeypatch.setattr(Clock, "end", end)
    x = plait.Input((4,))
    model = plait.Model(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    return model


def test_lines_tell_compiling_and_the_time_of_steps(now, capsys, monkeypatch):
    model, options = slow_model(now, monkeypatch), {"batch_size": 2, "verbose": 2, "callbacks": [Ticking(now)]}
    model.fit(X, Y, epochs=2, **options)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Epoch 1/2 - 14s - compiling 12s - 500ms/step - loss: ")
    assert second.startswith("Epoch 2/2 - 2.0s - 500ms/step - loss: ")
    model.fit(X, Y, epochs=1, validation_data=(X, Y), **options)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Epoch 1/1 - 26s - compiling 12s - 500ms/step - loss: ")  # 2 s of steps, 12 s of validation
    model.evaluate(X, Y, **options)
    assert capsys.readouterr().out.startswith("Evaluate - 12s - 3s/step - loss: ")
    model.predict(X, **options)
    assert capsys.readouterr().out == "Predict - 20s - compiling 12s - 2s/step\n"


def drawn(logger):
    """What a bar looks like, written into a string."""
    out = io.StringIO()
    logger._open(Console(file=out, force_terminal=True, width=100))
    return out


def test_the_bar_tells_of_compiling_while_it_goes_on(now):
    logger = progress.ProgbarLogger()
    logger.set_params({"verbose": 0, "steps": 4})
    logger._title = "Epoch 1/1"
    logger._start()
    out, ticks = drawn(logger), itertools.count()

    class Waiting:
        def wait(self, seconds):
            now[0] += 6
            return next(ticks) == 2

    clock.begin()
    logger._watch(Waiting())
    clock.end()
    assert "compiling 6.0s" in out.getvalue()
    assert "compiling 12s" in out.getvalue()
    now[0] += 2
    logger._done = 4
    logger._end({})
    assert "20s compiling 18s 500ms/step" in out.getvalue()


def test_what_is_left_is_told_by_steps_alone(now):
    logger = progress.ProgbarLogger()
    logger.set_params({"verbose": 0, "steps": 10})
    logger._title = "Epoch 1/1"
    logger._start()
    out = drawn(logger)
    clock.begin()
    now[0] += 30
    clock.end()
    now[0] += 10
    logger.advance(5, {})
    assert "10s left compiling 30s 2s/step" in out.getvalue()
    logger.close()


@pytest.mark.parametrize("verb", ["fit", "evaluate", "predict"])
def test_a_live_bar_is_ended_once(verb, monkeypatch, capsys):
    monkeypatch.setattr(progress, "is_live", lambda verbose: True)
    x = plait.Input((4,))
    model = plait.Model(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    getattr(model, verb)(*([X] if verb == "predict" else [X, Y]))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert len(lines) == 1
    assert "1/1" in lines[0]


def test_the_thread_of_a_bar_ends_with_it(monkeypatch):
    monkeypatch.setattr(progress, "is_live", lambda verbose: True)
    logger = progress.ProgbarLogger()
    logger.set_params({"steps": 1})
    logger.on_predict_begin()
    stopped = logger._stopped
    assert not stopped.is_set()
    logger.on_predict_end()
    assert stopped.is_set()
    assert logger._stopped is None
