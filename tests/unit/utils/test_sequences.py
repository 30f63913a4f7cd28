"""Padding, windows of series, splitting: what is refused, and what has no oracle."""

import numpy as np
import pytest

from plait.errors import ArgumentError, ShapeError
from plait.utils.dataset import Dataset
from plait.utils.sequence import pad_sequences
from plait.utils.split import split_dataset
from plait.utils.timeseries import timeseries_dataset_from_array


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"sequences": [1, 2]}, "Found non-iterable: 1"),
        ({"sequences": 3}, "`sequences` must be iterable"),
        ({"sequences": [[1]], "padding": "left"}, 'Padding type "left" not understood'),
        ({"sequences": [[1]], "truncating": "left"}, 'Truncating type "left" not understood'),
        ({"sequences": [["a"]], "value": "p"}, "You should set `dtype=object`"),
    ],
)
def test_sequences_that_cannot_be_padded_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        pad_sequences(**arguments)


def test_entries_of_different_shapes_are_refused():
    with pytest.raises(ShapeError, match="position 1 is different from expected shape"):
        pad_sequences([[[1, 2]], [[1]]])


def test_windows_of_a_file_are_read_one_by_one(tmp_path):
    series = np.lib.format.open_memmap(tmp_path / "series.npy", "w+", "float32", (1 << 40,))
    series[:4] = [0, 1, 2, 3]
    windows = timeseries_dataset_from_array(series, None, 3, batch_size=2, end_index=100)
    assert next(iter(windows)).tolist() == [[0, 1, 2], [1, 2, 3]]
    assert len(windows) == 49


def test_shuffled_windows_keep_their_targets():
    windows = timeseries_dataset_from_array(np.arange(20), np.arange(20) * 2, 4, batch_size=None, shuffle=True, seed=1)
    first, second = list(windows), list(windows)
    assert all(target == 2 * window[0] for window, target in first)
    assert [target for _, target in first] != [target for _, target in second]
    assert sorted(target for _, target in first) == list(range(0, 34, 2))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"sequence_length": 30}, "`sequence_length` must be lower"),
        ({"sequence_length": 3, "sampling_rate": 0}, "`sampling_rate` must be a whole number"),
        ({"sequence_length": 3, "start_index": 9, "end_index": 4}, "must be higher than `start_index`"),
        ({"sequence_length": 3, "end_index": 40}, "`end_index` must be from 0"),
        ({"sequence_length": 8, "end_index": 4}, "No window of 8 steps"),
    ],
)
def test_windows_that_cannot_be_are_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        timeseries_dataset_from_array(np.arange(20), None, **options)


@pytest.mark.parametrize(
    "sizes, lengths",
    [((0.8, None), (8, 2)), ((None, 3), (7, 3)), ((2, 0.5), (2, 5)), ((0.25, None), (2, 8)), ((4, 4), (4, 4))],
)
def test_data_is_split_by_rows(sizes, lengths):
    data = {"x": np.arange(10), "y": np.arange(10) * 2}
    left, right = split_dataset(data, *sizes)
    assert (len(left), len(right)) == lengths
    assert [row["x"] for row in left] == list(range(lengths[0]))
    assert [row["y"] for row in right] == list(range(20 - 2 * lengths[1], 20, 2))


def test_batches_are_split_by_rows_and_made_again():
    data = Dataset(lambda: ((n, -n) for n in range(10)), 10, ["a", "b"]).batch(4)
    left, right = split_dataset(data, 0.5, shuffle=True, seed=1)
    assert [len(x) for x, y in left] == [4, 1]
    assert left.class_names == ["a", "b"]
    rows = [*(int(x) for batch, _ in left for x in batch), *(int(x) for batch, _ in right for x in batch)]
    assert sorted(rows) == list(range(10))
    assert rows != sorted(rows)


@pytest.mark.parametrize(
    "sizes", [(None, None), (0, None), (1.5, None), (11, None), (0.9, 0.9), (0.01, None), (True, 1)]
)
def test_sizes_that_cannot_be_are_refused(sizes):
    with pytest.raises(ArgumentError):
        split_dataset(np.arange(10), *sizes)
