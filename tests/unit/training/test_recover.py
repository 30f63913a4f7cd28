"""Recover: back to the last good state after a loss that is no number, the rate lowered, the batch written down."""

import json

import numpy as np
import pytest

import plait
from plait import layers
from plait.errors import ArgumentError, StateError

RNG = np.random.default_rng(1)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def model(rate=0.05):
    plait.utils.set_random_seed(0)
    made = plait.Sequential([plait.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    made.compile(plait.optimizers.Adam(rate), "mse")
    return made


def spoilt(*rows, value=1e30):
    x = X.copy()
    y = Y.copy()
    y[list(rows)] = value
    return x, y


def test_it_is_as_if_the_bad_batch_had_not_been_there():
    x, y = spoilt(13)
    made = model()
    recover = plait.callbacks.Recover(factor=1.0, keep=1)
    history = made.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[recover])
    assert recover.recoveries == 1
    expected = model()
    rest = np.delete(np.arange(40), np.arange(12, 16))
    without = expected.fit(X[rest], Y[rest], batch_size=4, shuffle=False, verbose=0)
    for one, other in zip(made.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    np.testing.assert_allclose(history.history["loss"], without.history["loss"], rtol=1e-5)


def test_the_rate_is_lowered_and_the_batch_is_written_down(tmp_path, capsys):
    x, y = spoilt(13)
    made = model()
    recover = plait.callbacks.Recover(keep=2, folder=tmp_path / "bad")
    made.fit(x, y, batch_size=4, shuffle=False, epochs=2, verbose=0, callbacks=[recover])
    assert float(made.optimizer.learning_rate) == pytest.approx(0.05 / 4)  # once an epoch
    about = json.loads((tmp_path / "bad" / "epoch-0-step-4.json").read_text())
    assert about["rows"] == [12, 13, 14, 15]
    assert about["batch"]["y"]["shape"] == [4, 1]
    assert about["batch"]["y"]["max"] == pytest.approx(1e30)
    assert "going on from the last good state, with the learning rate 0.025" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["generator", "dataset"])
def test_batches_of_other_sources_are_described(source, tmp_path):
    x, y = spoilt(5)

    def batches():
        for first in range(0, 40, 4):
            yield x[first : first + 4], y[first : first + 4]

    class Dataset(plait.utils.PyDataset):
        def __len__(self):
            return 10

        def __getitem__(self, index):
            return x[4 * index : 4 * index + 4], y[4 * index : 4 * index + 4]

    recover = plait.callbacks.Recover(keep=1, folder=tmp_path)
    model().fit(batches() if source == "generator" else Dataset(), verbose=0, shuffle=False, callbacks=[recover])
    about = json.loads((tmp_path / "epoch-0-step-2.json").read_text())
    assert about["rows"] is None
    assert about["batch"]["y"]["max"] == pytest.approx(1e30)


def test_a_spike_is_one_where_a_number_says_so():
    x, y = spoilt(33, value=400.0)
    for on, expected in (("nan", 0), (50, 1)):
        recover = plait.callbacks.Recover(on=on, keep=1)
        model().fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[recover])
        assert recover.recoveries == expected


def test_it_gives_up_where_nothing_helps():
    x, y = spoilt(*range(12, 40))
    with pytest.raises(StateError, match=r"the loss was inf in epoch 1, step 7, and 3 attempts .* have not helped"):
        model().fit(
            x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[plait.callbacks.Recover(keep=1, attempts=3)]
        )


@pytest.mark.parametrize(
    "options, said",
    [
        ({"on": "spike"}, "`on`"),
        ({"factor": 0}, "`factor`"),
        ({"keep": 0}, "`keep`"),
        ({"attempts": 0.5}, "`attempts`"),
    ],
)
def test_wrong_arguments(options, said):
    with pytest.raises(ArgumentError, match=f"Recover: {said} must be"):
        plait.callbacks.Recover(**options)


def test_a_schedule_cannot_be_lowered():
    made = model(plait.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))
    with pytest.raises(ArgumentError, match="Recover: the learning rate is a schedule"):
        made.fit(X, Y, verbose=0, callbacks=[plait.callbacks.Recover()])
