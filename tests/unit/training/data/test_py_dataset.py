"""PyDataset: order, hooks, and that whatever happens, the fit ends with the item and the cause, and nothing is left."""

import multiprocessing
import os
import signal
import threading
import warnings

import keras
import numpy as np
import pytest

import plait
import plait.training.data.ahead as ahead_module
from picklable_datasets import Batches, Epochs
from plait import layers
from plait.errors import ArgumentError, DataError, StateError
from plait.training.data import PyDataset, source_of

X, Y = np.arange(20, dtype="float32").reshape(10, 2), np.arange(10, dtype="float32").reshape(10, 1)
THREADS, PROCESSES = {"workers": 3}, {"workers": 2, "use_multiprocessing": True}


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("plait-data")]
    assert not multiprocessing.active_children()


def model_of(module):
    model = module.Sequential([module.Input((2,)), module.layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    return model


class Noted(PyDataset):
    """Notes what is asked of it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.notes = []

    def __len__(self):
        return 4

    def __getitem__(self, index):
        self.notes.append(index)
        return X[index : index + 2], Y[index : index + 2]

    def on_epoch_begin(self):
        self.notes.append("begin")

    def on_epoch_end(self):
        self.notes.append("end")


@pytest.mark.parametrize("workers", [0, 1])
def test_each_epoch_is_begun_run_in_order_and_ended(workers):
    dataset = Noted(workers=workers)
    model_of(plait).fit(dataset, epochs=2, shuffle=False, verbose=0)
    assert dataset.notes == ["begin", 0, 1, 2, 3, "end"] * 2


def test_shuffled_order_is_that_of_keras():
    class Theirs(keras.utils.PyDataset):
        __init__, __len__, __getitem__ = Noted.__init__, Noted.__len__, Noted.__getitem__

    Theirs.__init__ = lambda self: (keras.utils.PyDataset.__init__(self), setattr(self, "notes", []))[0]
    ours, theirs = Noted(), Theirs()
    for module, dataset in ((plait, ours), (keras, theirs)):
        module.utils.set_random_seed(5)
        model_of(module).fit(dataset, epochs=3, verbose=0)
    drawn = [note for note in ours.notes if isinstance(note, int)]
    assert drawn == theirs.notes[-12:]
    assert drawn != sorted(drawn)


def test_threads_work_at_the_same_time():
    together = threading.Barrier(3, timeout=30)

    class Meeting(Noted):
        def __getitem__(self, index):
            if index:
                together.wait()
            return super().__getitem__(index)

    model_of(plait).fit(Meeting(workers=3), shuffle=False, verbose=0)


def test_no_more_is_made_ahead_than_the_queue_holds():
    source = source_of(Noted(workers=2, max_queue_size=2))
    batches = source.batches(0)
    np.testing.assert_array_equal(next(batches)[0], X[:2])
    batches.close()


def test_processes_see_what_changed_between_epochs_and_stay():
    source = source_of(Epochs(**PROCESSES))
    found = [np.concatenate([batch[0] for batch in source.batches(epoch)]) for epoch in range(2)]
    source.close()
    assert [epoch[:, :2].tolist() for epoch in found] == [[[0, 0], [0, 1], [0, 2]], [[1, 0], [1, 1], [1, 2]]]
    assert set(found[0][:, 2]) == set(found[1][:, 2])


@pytest.mark.parametrize(
    "options", [{"workers": 0}, {}, THREADS, PROCESSES], ids=["here", "thread", "threads", "processes"]
)
def test_an_exception_ends_the_fit_with_the_item_and_the_cause(options):
    with pytest.raises(KeyError, match="no such file") as found:
        model_of(plait).fit(Batches(X, Y, 2, 3, "raise", **options), shuffle=False, verbose=0)
    assert "Batches: this is about item 3." in found.value.__notes__[0]


@pytest.mark.parametrize(
    "how, message",
    [
        ("kill", "died while it made item 3: killed by SIGKILL"),
        ("exit", "died while it made item 3: it ended with exit code 3"),
        pytest.param(
            "odd", "item 3 could not be made. In the worker process:\n(?s:.*)Odd: a b", marks=pytest.mark.slow
        ),
        pytest.param("stop", "item 3 could not be made: it raised StopIteration", marks=pytest.mark.slow),
    ],
)
def test_the_end_of_a_process_ends_the_fit_with_the_item_and_the_cause(how, message):
    with pytest.raises(DataError, match=message):
        model_of(plait).fit(Batches(X, Y, 2, 3, how, **PROCESSES), shuffle=False, verbose=0)


def test_a_batch_that_does_not_fit_ends_the_fit():
    class Uneven(Noted):
        def __getitem__(self, index):
            return X[:, : 2 - index // 2], Y

    with pytest.raises(Exception, match="incompatible"):
        model_of(plait).fit(Uneven(**THREADS), shuffle=False, verbose=0)


@pytest.mark.parametrize("options", [{}, THREADS], ids=["thread", "threads"])
def test_an_interrupt_is_heard_while_a_batch_is_waited_for(options, monkeypatch):
    monkeypatch.setattr(ahead_module, "_PATIENCE", 0.01)  # the item is not to be waited for
    release, stuck = threading.Event(), []

    class Stuck(Noted):
        def __getitem__(self, index):
            if index == 2:
                stuck.append(threading.current_thread())
                os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C does
                release.wait(60)
            return super().__getitem__(index)

    with pytest.raises(KeyboardInterrupt):
        model_of(plait).fit(Stuck(**options), shuffle=False, verbose=0)
    assert stuck[0].is_alive()
    release.set()
    stuck[0].join(30)


def test_a_callback_that_stops_training_ends_all():
    class Stop(plait.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    history = model_of(plait).fit(Batches(X, Y, 2, **PROCESSES), epochs=3, callbacks=[Stop()], verbose=0)
    assert len(history.history["loss"]) == 1


def test_validation_and_evaluation_use_processes_too():
    dataset = Batches(X, Y, 3, **PROCESSES)
    model = model_of(plait)
    history = model.fit(X, Y, validation_data=dataset, epochs=2, verbose=0).history
    assert model.evaluate(dataset, verbose=0) == pytest.approx(history["val_loss"][-1])
    assert model.predict(dataset, verbose=0).shape == (10, 1)


def test_what_processes_cannot_take_is_refused():
    class Local(Noted):
        pass

    with pytest.raises(DataError, match=r"Local cannot be sent to worker processes(?s:.*)use_multiprocessing=False"):
        model_of(plait).fit(Local(**PROCESSES), verbose=0)


def test_a_constructor_that_forgets_super_is_warned_of():
    class Forgets(Noted):
        def __init__(self):
            self.notes = []

    with pytest.warns(UserWarning, match=r"should call `super\(\).__init__\(\*\*kwargs\)`"):
        model_of(plait).fit(Forgets(), verbose=0)


def test_a_data_set_written_for_keras_works():
    class Theirs(keras.utils.PyDataset):
        __len__, __getitem__ = Noted.__len__, Noted.__getitem__

        def __init__(self):
            super().__init__(workers=2)
            self.notes = []

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model_of(plait).fit(Theirs(), verbose=0)


def test_a_data_set_without_end_needs_steps():
    class Endless(Noted):
        num_batches = None

        def __getitem__(self, index):
            return super().__getitem__(index % 4)

    dataset = Endless(**THREADS)
    model_of(plait).fit(dataset, steps_per_epoch=6, epochs=2, verbose=0)
    assert dataset.notes.count("begin") == 2
    with pytest.raises(ArgumentError, match="has no end"):
        model_of(plait).fit(dataset, verbose=0)


def test_wrong_definitions_are_refused():
    class Nothing(PyDataset):
        pass

    class NoItems(PyDataset):
        def __len__(self):
            return 2

    class Empty(Noted):
        def __len__(self):
            return 0

    with pytest.raises(StateError, match="must define `__len__`"):
        model_of(plait).fit(Nothing(), verbose=0)
    with pytest.raises(StateError, match="must define `__getitem__"):
        model_of(plait).fit(NoItems(), verbose=0)
    with pytest.raises(DataError, match="Empty has 0 batches"):
        model_of(plait).fit(Empty(), verbose=0)
    with pytest.raises(ArgumentError, match="`workers` must be a whole number"):
        Noted(workers=-1)


def test_class_weights_work_with_numbered_batches():
    labels = np.arange(10) % 2
    plait.utils.set_random_seed(0)
    model = plait.Sequential([plait.Input((2,)), layers.Dense(2)])
    model.compile("sgd", plait.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(Batches(X, labels, 5), class_weight={0: 1.0, 1: 3.0}, verbose=0)
