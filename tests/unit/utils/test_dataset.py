"""The chain of iterators: names and meanings of tf.data, elements of NumPy."""

import itertools
import threading

import numpy as np
import pytest

import plait
from plait.errors import ArgumentError
from plait.utils.dataset import Dataset


def numbers(count=7):
    return Dataset(lambda: iter(range(count)), count)


def test_each_method_gives_the_elements_it_says():
    assert list(numbers().map(lambda x: x * 2)) == [0, 2, 4, 6, 8, 10, 12]
    assert list(numbers().filter(lambda x: x % 2)) == [1, 3, 5]
    assert list(numbers().skip(2).take(3)) == [2, 3, 4]
    assert list(numbers().take(-1)) == list(range(7))
    assert list(numbers(2).repeat(2)) == [0, 1, 0, 1]
    assert list(itertools.islice(numbers(2).repeat(), 5)) == [0, 1, 0, 1, 0]
    assert [batch.tolist() for batch in numbers().batch(3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [batch.tolist() for batch in numbers().batch(3, drop_remainder=True)] == [[0, 1, 2], [3, 4, 5]]
    assert list(numbers().batch(3).unbatch()) == list(range(7))
    assert list(numbers().prefetch(2)) == list(numbers().prefetch(-1)) == list(range(7))


def test_lengths_follow():
    batches = numbers().batch(3)
    assert [len(data) for data in (batches, batches.take(2), batches.skip(2), batches.repeat(4), batches.cache())] == [
        3,
        2,
        1,
        12,
        3,
    ]
    assert len(numbers().batch(3, drop_remainder=True)) == 2
    assert (numbers().repeat().cardinality(), numbers().filter(bool).cardinality()) == (-1, -2)
    with pytest.raises(TypeError, match="has no end"):
        len(numbers().repeat())
    with pytest.raises(TypeError, match="isn't known"):
        len(numbers().filter(bool))


def test_tuples_are_arguments_and_structures_stay():
    pairs = Dataset(lambda: ((np.full(2, n), {"a": n}) for n in range(4)), 4)
    x, y = next(iter(pairs.map(lambda x, y: (x + 1, y)).batch(4)))
    assert x.shape == (4, 2)
    assert y["a"].tolist() == [0, 1, 2, 3]
    assert next(iter(Dataset(lambda: ["a", "bc"]).batch(2))).tolist() == ["a", "bc"]
    with pytest.raises(ArgumentError, match="different shapes cannot make a batch"):
        list(Dataset(lambda: [np.ones(2), np.ones(3)]).batch(2))


def test_threads_map_at_the_same_time_and_keep_the_order():
    together = threading.Barrier(3, timeout=30)

    def meet(x):
        together.wait()
        return x

    assert list(numbers(9).map(meet, num_parallel_calls=3)) == list(range(9))


@pytest.mark.parametrize("buffer_size", [None, 3, 100])
def test_shuffled_orders_repeat_by_their_seed(buffer_size):
    first, second = numbers(50).shuffle(buffer_size, seed=1), numbers(50).shuffle(buffer_size, seed=1)
    orders = [list(first), list(first)]
    assert orders == [list(second), list(second)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == list(range(50))
    fixed = numbers(50).shuffle(buffer_size, seed=1, reshuffle_each_iteration=False)
    assert list(fixed) == list(fixed)
    if buffer_size == 3:
        assert max(place - element for place, element in enumerate(orders[0])) <= 50
        assert all(element <= place + 3 for place, element in enumerate(orders[0]))


def test_a_cache_makes_each_element_once():
    made = []
    data = numbers(4).map(lambda x: made.append(x) or x).cache()
    assert list(itertools.islice(data, 2)) == [0, 1]
    assert list(data) == list(data) == [0, 1, 2, 3]
    assert made == [0, 1, 0, 1, 2, 3]


def test_fit_takes_one():
    rows = Dataset(lambda: ((np.full(2, n, "float32"), np.float32(n)) for n in range(8)), 8)
    model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    history = model.fit(rows.shuffle(4, seed=0).batch(3).prefetch(1), epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    with pytest.raises(ArgumentError, match="has no end"):
        model.fit(rows.batch(2).repeat(), verbose=0)


def test_wrong_sizes_are_refused():
    for make in (lambda: numbers().batch(0), lambda: numbers().shuffle(0)):
        with pytest.raises(ArgumentError):
            make()
