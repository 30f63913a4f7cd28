"""Batches joined on their way to the device: which, how many, and that nothing is lost or out of order."""

import numpy as np
import pytest

import plait
from plait.training.data.together import Joined, sent_ahead


def batches(*shapes):
    for number, shape in enumerate(shapes):
        yield (np.full(shape, number, "float32"), None, None)


def sent(*args, **options):
    with sent_ahead(*args, **options) as items:
        return list(items)


def test_as_many_as_asked_for_go_together():
    items = sent(batches(*[(2, 3)] * 7), together=3, exactly=True)
    assert [item.count for item in items] == [3, 3, 1]
    assert {(item.rows, item.room, item.data[0].shape) for item in items} == {(2, 3, (6, 3))}
    rows = [np.asarray(item.data[0])[item.table()[place]] for item in items for place in range(item.count)]
    assert [row[0, 0] for row in rows] == list(range(7))


def test_a_loop_that_waits_gets_what_there_is():
    items = sent(batches(*[(2, 3)] * 20), together=8)
    assert sum(item.count for item in items) == 20
    assert all(1 <= item.count <= 8 and item.room == 8 for item in items)


def test_other_shapes_begin_anew():
    items = sent(batches((2, 3), (2, 3), (1, 3), (1, 3), (2, 3)), together=4, exactly=True)
    assert [(item.rows, item.count) for item in items] == [(2, 2), (1, 2), (2, 1)]
    assert [float(item.data[0][0, 0]) for item in items] == [0, 2, 4]


def test_large_batches_and_strings_go_alone():
    large = sent(iter([(np.zeros((2, 1 << 20), "float32"), None, None)] * 2), together=2, exactly=True)
    strings = sent(iter([(np.array(["a", "b"], object), np.zeros(2), None)] * 2), together=2, exactly=True)
    uneven = sent(iter([(np.zeros((2, 1)), np.zeros(3), None)]), together=2, exactly=True)
    assert not any(isinstance(item, Joined) for item in [*large, *strings, *uneven])
    assert [len(items) for items in (large, strings, uneven)] == [2, 2, 1]


def test_what_comes_before_an_error_is_sent():
    def broken():
        yield from batches((2, 3), (2, 3))
        raise OSError("gone")

    with sent_ahead(broken(), together=8, exactly=True) as items:
        assert next(items).count == 2
        with pytest.raises(OSError, match="gone"):
            next(items)


def test_joined_bytes_stay_bytes_and_structures_stay():
    batch = ({"a": np.ones((2, 3), "uint8"), "b": [np.zeros(2, "int32")]}, np.zeros((2, 1), "float16"), None)
    (item,) = sent(iter([batch] * 2), together=2, exactly=True)
    x, y, weight = item.data
    assert (x["a"].dtype, x["b"][0].shape, y.dtype, weight) == ("uint8", (4,), "float16", None)


@pytest.mark.parametrize("steps", [None, 1, 3, 100])
def test_results_do_not_depend_on_how_many_go_together(steps):
    x = np.random.default_rng(0).normal(size=(70, 3)).astype("float32")

    def rows():
        for start in range(0, 70, 8):
            yield x[start : start + 8], x[start : start + 8, :1]

    class Rows:
        __iter__ = staticmethod(rows)

    plait.utils.set_random_seed(0)
    model = plait.Sequential([plait.Input((3,)), plait.layers.Dense(1)])
    model.compile("adam", "mse", steps_per_execution=steps)
    seen = []
    watcher = plait.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    model.fit(Rows(), epochs=2, verbose=0, callbacks=[watcher] if steps == 3 else [])
    plait.utils.set_random_seed(0)
    other = plait.Sequential([plait.Input((3,)), plait.layers.Dense(1)])
    other.compile("adam", "mse")
    other.fit(x, x[:, :1], batch_size=8, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], other.get_weights()[0], rtol=1e-5)
    if steps == 3:
        assert seen == [2, 5, 8] * 2  # the short last batch counts among the three, as in Keras
