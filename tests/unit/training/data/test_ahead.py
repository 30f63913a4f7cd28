"""Things made ahead by threads: order, bounds, errors, ends."""

import itertools
import threading

import pytest

from plait.training.data.ahead import ahead, iterated_ahead


def upto(count):
    def make(place):
        if place >= count:
            raise StopIteration
        return place

    return make


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("count", [0, 1, 50])
def test_things_come_in_order(threads, count):
    with ahead(upto(count), threads, 3) as things:
        assert list(things) == list(range(count))
        assert list(things) == []


def test_only_a_window_is_made_ahead():
    made, window_is_full = [], threading.Event()

    def make(place):
        made.append(place)
        if place == 3:
            window_is_full.set()
        return place

    with ahead(make, 1, 3) as things:
        assert next(things) == 0
        assert window_is_full.wait(30)
        assert made == [0, 1, 2, 3]


def test_what_comes_before_an_error_is_handed_out():
    later = threading.Event()

    def make(place):
        if place == 3:
            raise KeyError("three")
        if place == 2:
            later.wait(30)
        return place

    with ahead(make, 4, 4) as things:
        assert [next(things), next(things)] == [0, 1]
        later.set()
        assert next(things) == 2
        with pytest.raises(KeyError, match="three"):
            next(things)
        assert list(things) == []


def test_closing_ends_all_threads():
    with ahead(lambda place: place, 3, 5) as things:
        assert list(itertools.islice(things, 7)) == list(range(7))
        threads = things._threads
    assert not any(thread.is_alive() for thread in threads)


def test_an_iterator_is_asked_by_one_thread_only():
    asked = set()

    def numbers():
        for number in range(20):
            asked.add(threading.current_thread().name)
            yield number

    with iterated_ahead(numbers(), lambda number: -number) as things:
        assert list(things) == [-number for number in range(20)]
    assert asked == {"plait-data-0"}
