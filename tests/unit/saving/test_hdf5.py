"""The reader of HDF5 beside h5py, on all that h5py writes; newer forms by way of another process, and what that may do."""

import io

import h5py
import numpy as np
import pytest

import plait
from plait.errors import FileError, UnsafeFileError
from plait.saving import hdf5_process
from plait.saving.h5 import StoredWeights
from plait.saving.hdf5 import Hdf5File

DTYPES = ["f4", "f8", "f2", "i1", "u2", "i8", "?", ">f4", ">i2", "c8", "c16", "V2", "V1"]
STORAGE = {
    "contiguous": {},
    "chunks": {"chunks": (7, 9)},
    "packed": {"chunks": (8, 16), "compression": "gzip"},
    "shuffled": {"chunks": (8, 16), "shuffle": True, "compression": "gzip"},
    "checked": {"chunks": (8, 5), "fletcher32": True},
    "all": {"chunks": (8, 16), "shuffle": True, "compression": "gzip", "fletcher32": True},
}
ATTRIBUTES = {
    "text": "héllo",
    "bytes": np.bytes_(b"text"),
    "long text": "q" * 100_000,
    "no text": "",
    "number": 3,
    "fraction": 1.5,
    "truth": True,
    "names": np.array([b"a", b"bcd"]),
    "no names": np.zeros(0, "S1"),
    "texts": ["x", "yz"],
    "numbers": [1, 2, 3],
}


def written(write, **options) -> io.BytesIO:
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as h5:
        write(h5)
    return file


def values(dtype, shape):
    drawn = np.asarray(np.random.default_rng(0).normal(size=shape) * 50)
    if dtype == "?":
        return drawn > 0
    if dtype[0] == "V":
        return drawn.astype(f"i{dtype[1]}").view(dtype)
    return drawn.astype(dtype)


def same(array, dataset):
    assert (array.type.dtype, array.shape) == (dataset.dtype, dataset.shape)
    assert array.stored == dataset.id.get_storage_size()
    found = np.empty(dataset.shape, dataset.dtype)
    if found.size:
        array.read_into(found)
    np.testing.assert_array_equal(found, dataset[()])


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_are_read_as_h5py_reads_them(dtype, storage):
    shapes = [(30, 40), (9, 17)] if STORAGE[storage] else [(), (3,), (5, 7), (0, 3), (30, 40)]

    def write(h5):
        for shape in shapes:
            h5.create_dataset(f"deep/{len(shape)}/{sum(shape)}", data=values(dtype, shape), **STORAGE[storage])

    file = written(write)
    ours = Hdf5File(file).objects
    with h5py.File(file) as h5:
        for shape in shapes:
            same(ours[f"deep/{len(shape)}/{sum(shape)}"].array, h5[f"deep/{len(shape)}/{sum(shape)}"])


def test_chunks_that_are_not_there_hold_the_fill_value():
    def write(h5):
        h5.create_dataset("a/vars/0", (4, 4), "f4", chunks=(2, 2), fillvalue=7.0, compression="gzip")[:2, :2] = 1.0

    with StoredWeights(written(write)) as stored:
        assert stored.group("a")["0"][[0, 3], [0, 3]].tolist() == [1.0, 7.0]


def test_the_names_of_a_large_tree_come_in_h5pys_order():
    def write(h5):
        for index in range(700):
            h5[f"layers/dense_{index}/vars/0"] = np.full(2, index, "f4")

    file = written(write)
    ours, theirs = Hdf5File(file).objects, []
    with h5py.File(file) as h5:
        h5.visit(theirs.append)
    assert [name for name in ours if name] == theirs
    found = np.empty(2, "f4")
    ours["layers/dense_433/vars/0"].array.read_into(found)
    assert found.tolist() == [433, 433]


def test_attributes_are_text_and_numbers():
    def write(h5):
        for index in range(50):
            h5.attrs[f"more {index}"] = index
        inner = h5.create_group("inner")
        for name, value in ATTRIBUTES.items():
            inner.attrs[name] = value

    inner = Hdf5File(written(write)).objects["inner"]
    for name, value in ATTRIBUTES.items():
        expected = value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
        assert inner.attribute(name) == expected
    assert inner.attribute("none") is None


# ---------------------------------------------------------------------------- newer forms

NEWER = {
    "latest": {"libver": "latest"},
    "v108": {"libver": ("v108", "v108")},
    "ordered": {"track_order": True},
    "paged": {"fs_strategy": "page"},
}


@pytest.mark.parametrize("form", NEWER)
def test_newer_forms_are_read_by_another_process(form, tmp_path):
    """More attributes and members than a header holds, chunks, half precision, in each form that h5py knows to write."""

    def write(h5):
        for index in range(20):
            h5.create_dataset(f"a/vars/{index}", data=np.full((4, 4), index, "f2"), chunks=(2, 2), compression="gzip")
            h5["a/vars"].attrs[f"more {index}"] = index
        h5["a/vars"].attrs["name"] = "named"
        h5["narrow/vars/0"] = np.arange(6, dtype="i2").view("V2")
        h5["narrow/vars/0"].attrs["dtype"] = "bfloat16"

    with StoredWeights(written(write, **NEWER[form])) as stored:
        group = stored.group("a")
        assert group.name == "named"
        assert {key: float(group[key][3, 3]) for key in group} == {str(index): float(index) for index in range(20)}
        assert str(stored.group("narrow")["0"].dtype) == "bfloat16"


def _soft(h5):
    h5["b"] = h5py.SoftLink("/a")


def _external(h5):
    h5["b"] = h5py.ExternalLink("/etc/passwd", "/x")


def _elsewhere(h5):
    h5.create_dataset("b", (2, 2), "f4", external=[("/etc/passwd", 0, 16)])


def _virtual(h5):
    layout = h5py.VirtualLayout((2, 2), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (2, 2))
    h5.create_virtual_dataset("b", layout)


def _bomb(h5):
    h5.create_dataset("b", (50_000, 50_000), "f4", chunks=(1000, 1000), compression="gzip")


def _text(h5):
    h5["b"] = ["a", "b"]


@pytest.mark.parametrize("attack", [_soft, _external, _elsewhere, _virtual, _bomb, _text])
def test_the_other_process_refuses_what_this_one_refuses(attack):
    def write(h5):
        h5["a/vars/0"] = np.ones(3)
        attack(h5)

    with pytest.raises(UnsafeFileError, match=r"leads elsewhere|another file|doesn't hold|else than numbers"):
        StoredWeights(written(write, libver="latest"))


ENDS = {
    "crashes": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    "is killed": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    "aborts": ("import os\nos.abort()", "SIGABRT"),
    "hangs": ("import time\ntime.sleep(600)", "was not done after 1 s"),
    "takes all memory": (
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))\nbytearray(2**30)",
        "exit code 1",
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_another_process_that_dies_is_an_error_that_names_the_file(end, tmp_path, monkeypatch):
    program, said = ENDS[end]
    (tmp_path / "dies.py").write_text(program)
    monkeypatch.setattr(hdf5_process, "__file__", str(tmp_path / "dies.py"))
    monkeypatch.setattr(hdf5_process, "_SECONDS", 1 if end == "hangs" else 60)
    path = tmp_path / "new.weights.h5"
    path.write_bytes(written(lambda h5: h5.create_group("a"), libver="latest").getvalue())
    model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1)])
    with pytest.raises(FileError, match=said) as caught:
        model.load_weights(path)
    assert str(path) in str(caught.value) + "".join(getattr(caught.value, "__notes__", ()))


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with StoredWeights(written(lambda h5: h5.create_dataset("a/vars/0", data=[1.0]), libver="latest")) as stored:
        assert stored.group("a")["0"].tolist() == [1.0]
    assert list(tmp_path.iterdir()) == []
