"""The same results from every kind of source; frames by names; files larger than memory; passes and steps."""

import h5py
import numpy as np
import pandas as pd
import pytest

import plait
from picklable_datasets import Batches
from plait import layers
from plait.errors import ArgumentError, DataError
from plait.training.data import arrays as arrays_module
from plait.training.data import source_of

ROWS, SIZE = 20, 8


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(ROWS, 4)).astype("float32"), rng.normal(size=(ROWS, 1)).astype("float32")


def fitted(*given, **options):
    plait.utils.set_random_seed(0)
    inputs = plait.Input((4,), name="x")
    model = plait.Model(inputs, layers.Dense(1, name="y")(layers.Dense(3, activation="relu")(inputs)))
    model.compile("adam", "mse", metrics=["mae"])
    return model.fit(*given, epochs=3, shuffle=False, verbose=0, **options).history


class Rows:
    """What iterates over batches anew each time, like a tf.data set or a DataLoader."""

    def __init__(self, wrap=lambda array: array, kind=tuple, count=None):
        self.wrap, self.kind, self.count = wrap, kind, count

    def __iter__(self):
        x, y = data()
        for start in range(0, ROWS, SIZE):
            rows = slice(start, start + SIZE)
            yield self.kind((self.wrap(x[rows]), self.wrap(y[rows])))

    def cardinality(self):
        return -2 if self.count is None else self.count


class Tensor:
    """What other libraries' tensors look like: detached, moved to the host, then an array."""

    def __init__(self, array, ready=False):
        self.array, self.ready, self.dtype = array, ready, f"torch.{array.dtype}"

    def detach(self):
        return self

    def cpu(self):
        return Tensor(self.array, ready=True)

    def __array__(self, dtype=None, copy=None):
        assert self.ready
        return self.array


def endless():
    while True:
        yield from Rows()


def reused():
    """A generator that fills the same memory again and again."""
    x, y = data()
    memory = np.empty((SIZE, 4), "float32"), np.empty((SIZE, 1), "float32")
    for start in [0, 8, 16] * 3:
        part = tuple(array[: len(x[start : start + SIZE])] for array in memory)
        part[0][:], part[1][:] = x[start : start + SIZE], y[start : start + SIZE]
        yield part


def mapped(folder):
    found = []
    for name, array in zip("xy", data(), strict=True):
        np.save(folder / f"{name}.npy", array.astype("float64"))
        found.append(np.load(folder / f"{name}.npy", mmap_mode="r"))
    return found


def in_hdf5(folder):
    with h5py.File(folder / "data.h5", "w") as file:
        file["x"], file["y"] = data()
    file = h5py.File(folder / "data.h5", "r")
    return file["x"], file["y"]


def frame():
    x, y = data()
    return pd.DataFrame(x, columns=list("abcd")).assign(y=y)


SOURCES = {
    "dict": lambda folder: ({"x": data()[0]}, {"y": data()[1]}),
    "jax": lambda folder: tuple(map(plait.convert_to_tensor, data())),
    "frame with labels": lambda folder: (frame(),),
    "frame and series": lambda folder: (frame()[list("abcd")], frame()["y"]),
    "memory map": mapped,
    "hdf5": in_hdf5,
    "generator": lambda folder: (endless(), {"steps_per_epoch": 3}),
    "generator of one memory": lambda folder: (reused(), {"steps_per_epoch": 3}),
    "generator of frames": lambda folder: ((frame()[i : i + SIZE] for i in [0, 8, 16] * 3), {"steps_per_epoch": 3}),
    "tf.data": lambda folder: (Rows(),),
    "endless tf.data": lambda folder: (Rows(count=-1), {"steps_per_epoch": 3}),
    "data loader": lambda folder: (Rows(Tensor, list),),
    "here": lambda folder: (Batches(*data(), SIZE, workers=0),),
    "a thread": lambda folder: (Batches(*data(), SIZE),),
    "threads": lambda folder: (Batches(*data(), SIZE, workers=3),),
    "processes": lambda folder: (Batches(*data(), SIZE, workers=2, use_multiprocessing=True),),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_losses_are_the_same_from_every_source(kind, tmp_path):
    expected = fitted(*data(), batch_size=SIZE)
    given = SOURCES[kind](tmp_path)
    options = given[-1] if isinstance(given[-1], dict) and "steps_per_epoch" in given[-1] else {}
    given = given[: len(given) - bool(options)]
    if not options and (len(given) == 2 or "frame" in kind):
        options = {"batch_size": SIZE}
    history = fitted(*given, **options)
    assert {name: len(values) for name, values in history.items()} == {"loss": 3, "mae": 3}
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-6)


def test_sparse_rows_are_made_dense_by_the_batch():
    sparse = pytest.importorskip("scipy.sparse")
    x, y = data()
    x = np.where(x > 0, x, 0)
    np.testing.assert_allclose(
        fitted(sparse.csc_matrix(x), y, batch_size=SIZE)["loss"], fitted(x, y, batch_size=SIZE)["loss"], rtol=1e-6
    )


def test_a_large_array_stays_on_the_host(monkeypatch):
    expected = fitted(*data(), batch_size=SIZE)
    monkeypatch.setattr(arrays_module, "_RESIDENT_BYTES", 100)
    source = source_of(*data(), batch_size=SIZE)
    assert not source.resident
    np.testing.assert_allclose(fitted(*data(), batch_size=SIZE)["loss"], expected["loss"], rtol=1e-6)


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
@pytest.mark.parametrize("kind", ["mapped", "hdf5"])
def test_a_file_is_never_read_as_a_whole(kind, shuffle, tmp_path):
    if kind == "mapped":
        x = np.lib.format.open_memmap(tmp_path / "huge.npy", "w+", "float64", (1 << 20, 1 << 20))  # 8 TiB, all holes
        x[7] = 1.0
    else:
        file = h5py.File(tmp_path / "huge.h5", "w")
        x = file.create_dataset("x", (1 << 20, 1 << 20), "float64", chunks=(1, 1 << 16), fillvalue=0)
    rows = 1 << 20
    source = source_of(x, batch_size=2, shuffle=shuffle)
    assert (source.rows, source.steps, source.resident) == (rows, rows // 2, False)
    batches = source.batches(0)
    batch = next(batches)[0]
    batches.close()
    assert batch.shape == (2, 1 << 20)
    assert batch.dtype == "float32"


def test_a_validation_split_of_a_file_reads_nothing(tmp_path):
    x = np.lib.format.open_memmap(tmp_path / "huge.npy", "w+", "float32", (1 << 20, 1 << 20))
    x[-1, 0] = 5.0
    (first, *_), (last, *_) = arrays_module.split_off(x, None, None, 0.25)
    assert first.shape == (3 << 18, 1 << 20)
    assert last[np.array([(1 << 18) - 1])][0, 0] == 5.0


def test_shuffled_files_give_what_shuffled_arrays_give(tmp_path):
    plait.utils.set_random_seed(3)
    source = source_of(*data(), batch_size=SIZE, shuffle=True)
    expected = [batch[0] for batch in source.batches(0)]
    for files in (mapped(tmp_path), in_hdf5(tmp_path)):
        plait.utils.set_random_seed(3)
        for batch, other in zip(expected, source_of(*files, batch_size=SIZE, shuffle=True).batches(0), strict=True):
            np.testing.assert_array_equal(batch, other[0])


def test_bytes_stay_bytes_on_their_way():
    batches = source_of(iter([np.ones((2, 4), "uint8")] * 3)).batches(0)
    assert [batch[0].dtype for batch in batches] == ["uint8"] * 3


# ---------------------------------------------------------------------------- frames


def two_by_two():
    age, city = plait.Input((1,), name="age"), plait.Input((1,), name="city")
    both = layers.Concatenate()([age, city])
    model = plait.Model([city, age], [layers.Dense(1, name="price")(both), layers.Dense(1, name="size")(both)])
    model.compile("sgd", "mse")
    return model


def table():
    rng = np.random.default_rng(1)
    return pd.DataFrame({name: rng.normal(size=12) for name in ("size", "age", "price", "city", "else")})


def test_columns_go_to_the_inputs_and_outputs_of_their_names():
    histories = []
    columns = {name: table()[name].to_numpy("float32") for name in table()}
    labels = {name: columns[name] for name in ("price", "size")}
    for given in (
        ({"age": columns["age"], "city": columns["city"]}, labels),
        (table(),),
        (table(), table()),
        (table()[["age", "city"]], table()[["size", "price"]]),
        (table(), labels),
    ):
        plait.utils.set_random_seed(0)
        plait.utils.clear_session()
        model = two_by_two()
        histories.append(model.fit(*given, validation_split=0.25, epochs=2, shuffle=False, verbose=0).history)
        assert np.isfinite(model.evaluate(*given, verbose=0)[0])
        assert model.predict(given[0], verbose=0)[0].shape == (12, 1)
    for history in histories[1:]:
        for name, values in histories[0].items():
            np.testing.assert_allclose(history[name], values, rtol=1e-6)


def test_a_frame_without_the_columns_says_which():
    with pytest.raises(DataError, match=r"no column for the input 'age'. Did you mean 'ages'\?"):
        two_by_two().predict(table().rename(columns={"age": "ages"}), verbose=0)
    with pytest.raises(DataError, match="Name the columns like the outputs"):
        two_by_two().fit(table(), table()[["age"]], verbose=0)


def test_polars_frames_work():
    polars = pytest.importorskip("polars")
    x, y = data()
    given = polars.DataFrame({name: x[:, place] for place, name in enumerate("abcd")}), polars.Series(y[:, 0])
    np.testing.assert_allclose(fitted(*given, batch_size=8)["loss"], fitted(x, y, batch_size=8)["loss"], rtol=1e-6)


def test_grain_works():
    grain = pytest.importorskip("grain")
    x, y = data()
    rows = grain.MapDataset.source(list(zip(x, y, strict=True)))
    loader = grain.DataLoader(
        data_source=rows, sampler=grain.samplers.SequentialSampler(ROWS), operations=[grain.transforms.Batch(8)]
    )
    expected = fitted(x, y, batch_size=8)["loss"]
    for given in (rows.batch(8), rows.to_iter_dataset().batch(8), loader):
        np.testing.assert_allclose(fitted(given)["loss"], expected, rtol=1e-6)
    assert len(fitted(rows.repeat().batch(8), steps_per_epoch=2)["loss"]) == 3


def test_keys_that_are_no_inputs_are_warned_of_once():
    x, y = data()
    with pytest.warns(UserWarning, match="no inputs, and they are ignored: 'z'") as found:
        fitted((({"x": x[:8], "z": x[:8]}, y[:8]) for _ in range(9)), steps_per_epoch=3)
    assert len(found) == 1


# ---------------------------------------------------------------------------- passes and steps


class Numbers:
    def __iter__(self):
        return (np.array([number]) for number in range(5))


@pytest.mark.parametrize(
    "make",
    [lambda: np.arange(5), Numbers, lambda: Batches(np.arange(5), np.arange(5), 1)],
    ids=["array", "iterable", "numbered"],
)
def test_training_goes_on_where_the_last_epoch_ended_and_validation_begins_anew(make):
    def seen(source):
        return [[int(batch[0][0]) for batch in source.batches(epoch)] for epoch in range(3)]

    assert seen(source_of(make(), batch_size=1, steps=2, goes_on=True)) == [[0, 1], [2, 3], [4, 0]]
    assert seen(source_of(make(), batch_size=1, steps=7, goes_on=True))[0] == [0, 1, 2, 3, 4, 0, 1]
    assert seen(source_of(make(), batch_size=1, steps=2)) == [[0, 1]] * 3
    assert seen(source_of(make(), batch_size=1, steps=7)) == [[0, 1, 2, 3, 4]] * 3


def test_arrays_on_the_device_follow_the_same_order():
    source = source_of(np.arange(5), batch_size=2, steps=2, goes_on=True)
    taken = [
        [rows[first + k].tolist() for rows, first, count in source.pieces() for k in range(count)] for _ in range(3)
    ]
    assert taken == [[[0, 1], [2, 3]], [[4], [0, 1]], [[2, 3], [4]]]


def test_a_generator_that_is_used_up_says_so():
    x, y = data()
    with pytest.raises(DataError, match="a generator runs once, and it ended in epoch 1"):
        fitted(iter([(x, y)]))
    with pytest.raises(ArgumentError, match="has no end: say `steps_per_epoch`"):
        fitted(Rows(count=-1))
    with pytest.raises(DataError, match="gave no batch"):
        fitted(iter(()))


def test_the_place_of_an_error_in_a_generator_is_told():
    def broken():
        yield from Rows()
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as found:
        fitted(broken())
    assert found.value.__notes__ == ["The data failed at batch 3 of its epoch 1 (batches count from 0)."]


def test_what_cannot_be_data_is_refused():
    with pytest.raises(DataError, match="dates or durations"):
        source_of(pd.Series(pd.to_datetime(["2020-01-01"])).to_numpy())
    with pytest.raises(DataError, match="different kinds of values"):
        source_of(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    with pytest.raises(DataError, match="batch them first"):
        source_of(iter([np.float32(1)])).first()
    with pytest.raises(ArgumentError, match="`validation_split` splits arrays only"):
        fitted(endless(), validation_split=0.5)


def test_a_column_of_rows_is_stacked():
    column = pd.Series([np.ones(3), np.zeros(3)])
    assert next(source_of(column).batches(0))[0].tolist() == [[1, 1, 1], [0, 0, 0]]
