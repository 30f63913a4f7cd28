"""The run that callbacks see: where it stands, stopping it, and beginning elsewhere."""

import gc
import weakref

import numpy as np
import pytest

import plait
from plait import layers
from plait.errors import StateError


def compiled():
    model = plait.Sequential([plait.Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


def fit(callback, **options):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 3)).astype("float32")
    return compiled().fit(x, x.sum(1), batch_size=2, verbose=0, callbacks=[callback], **options)


def test_it_says_where_it_stands():
    class Note(plait.callbacks.Callback):
        seen = []

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append((self.run.epoch, self.run.step, batch))

    note = Note()
    fit(note, epochs=2)
    assert note.seen == [(epoch, batch + 1, batch) for epoch in (0, 1) for batch in range(4)]
    assert note.run.options.epochs == 2


def test_it_stops_after_the_batch_under_way():
    class Stop(plait.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1
            self.run.stop()

    stop = Stop()
    assert fit(stop, epochs=3).epoch == [0]
    assert stop.batches == 1


def test_it_begins_at_the_place_that_a_callback_names():
    class Later(plait.callbacks.Callback):
        seen = []

        def on_train_begin(self, logs=None):
            self.run.resume_from(1, 3)

        def on_train_batch_begin(self, batch, logs=None):
            self.seen.append((self.run.epoch, batch))

    later = Later()
    assert fit(later, epochs=3).epoch == [1, 2]
    assert later.seen == [(1, 3), (2, 0), (2, 1), (2, 2), (2, 3)]


def test_once_begun_it_begins_nowhere_else():
    class TooLate(plait.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.run.resume_from(3)

    with pytest.raises(StateError, match="on_train_begin"):
        fit(TooLate(), epochs=2)


def test_outside_of_a_fit_there_is_none():
    callback = plait.callbacks.Callback()
    plait.callbacks.CallbackList([callback], model=compiled())
    assert callback.run is None


def test_a_run_that_has_ended_keeps_no_data_alive():
    x = np.ones((8, 3), "float32")
    alive = weakref.ref(x)
    history = compiled().fit(x, x[:, :1], verbose=0, validation_data=(x, x[:, :1]))
    del x
    gc.collect()
    assert alive() is None
    assert history.run.options.epochs == 1
    assert history.run.batch is None
