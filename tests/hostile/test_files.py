"""Files that attack as files: HDF5, zip, safetensors, TF.js, paths (attacks 11-14, 16-22, 25)."""

import json
import os
import struct
import subprocess
import sys
import threading
import zipfile

import h5py
import numpy as np
import pytest
from guard import dense, model_data, refused, small_model, watched, weights_bytes, write_keras, write_legacy

import plait


def _soft(file, secret):
    file["layers/dense/vars/0"] = h5py.SoftLink("/layers/dense/vars/1")


def _loop(file, secret):
    file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")


def _external(file, secret):
    file["layers/dense/vars/0"] = h5py.ExternalLink(str(secret), "/x")


def _external_root(file, secret):
    file["elsewhere"] = h5py.ExternalLink(str(secret), "/")


def _external_middle(file, secret):
    del file["layers/dense"]
    file["layers/dense"] = h5py.ExternalLink(str(secret), "/")


def _hard_cycle(file, secret):
    file["layers/dense/again"] = file["layers"]


def _raw(file, secret):
    file.create_dataset("layers/dense/vars/0", (2, 2), "f4", external=[(str(secret), 0, 16)])


def _raw_zero(file, secret):
    file.create_dataset("layers/dense/vars/0", (2, 2), "f4", external=[("/dev/zero", 0, 16)])


def _virtual(file, secret):
    layout = h5py.VirtualLayout((2, 2), "f4")
    layout[:] = h5py.VirtualSource(str(secret), "x", (2, 2))
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def _shape_bomb(file, secret):
    file.create_dataset("layers/dense/vars/0", (50_000_000, 50_000_000), "f4", chunks=(1000, 1000), compression="gzip")


def _fill_bomb(file, secret):
    for index in range(200):
        file.create_dataset(f"layers/dense/vars/{index + 2}", (1000, 1000, 1000), "f4")
    file["layers/dense/vars/0"] = np.zeros((2, 2), "f4")


def _text(file, secret):
    file.create_dataset("layers/dense/vars/0", data=["a", "b"], dtype=h5py.string_dtype())


def _references(file, secret):
    file.create_dataset("layers/dense/vars/0", (2, 2), h5py.ref_dtype)


def _compound(file, secret):
    file.create_dataset("layers/dense/vars/0", (2, 2), [("a", "f4"), ("b", "f4")])


def _void(file, secret):
    file.create_dataset("layers/dense/vars/0", (2, 2), "V1024")


def _empty(file, secret):
    file["layers/dense/vars/0"] = h5py.Empty("f4")


def _a_group(file, secret):
    file.create_group("layers/dense/vars/0")


def _deep(file, secret):
    file.create_group("/".join("a" * 300))


ATTACKS = [v for k, v in list(globals().items()) if k.startswith("_") and getattr(v, "__module__", 0) == __name__]


@pytest.mark.parametrize("entry", ["load_weights", "load_model", "partial", "editor"])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__[1:])
def test_hdf5_that_attacks_is_refused(attack, entry, tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.ones((2, 2), "f4")
    weights_bytes(tmp_path)
    path = tmp_path / "small.weights.h5"
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        attack(file, secret)
    model = small_model()
    before = model.get_weights()
    if (attack, entry) == (_hard_cycle, "editor"):  # harmless: what is linked twice is gone through once
        assert list(plait.saving.KerasFileEditor(path).weights_dict["layers"]) == ["dense"]
        return
    with refused(tmp_path):
        if entry == "load_model":
            plait.load_model(write_keras(tmp_path, model_data(dense()), path.read_bytes()))
        elif entry == "editor":
            plait.saving.KerasFileEditor(path)
        elif entry == "partial":
            model.load_weights(path, map={"layers/dense/0": "evil/kernel", "layers/dense/1": "evil/bias"})
        else:
            model.load_weights(path)
    for mine, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, old)


@pytest.mark.parametrize("place", ["layer", "array"])
def test_links_in_an_old_file_are_refused(place, tmp_path):
    path = write_legacy(tmp_path, model_data(dense()))
    name = {"layer": "model_weights/evil", "array": "model_weights/evil/evil/kernel:0"}[place]
    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = h5py.ExternalLink("/etc/passwd", "/x")
    for load in (plait.load_model, small_model().load_weights):
        with refused(tmp_path, "leads elsewhere"):
            load(path)


def test_big_endian_numbers_are_numbers(tmp_path):
    weights_bytes(tmp_path)
    with h5py.File(tmp_path / "small.weights.h5", "a") as file:
        del file["layers/dense/vars/0"]
        file.create_dataset("layers/dense/vars/0", data=np.array([[1, 2], [3, 4]], ">f4"))
    model = small_model()
    model.load_weights(tmp_path / "small.weights.h5")
    np.testing.assert_array_equal(model.get_weights()[0], [[1, 2], [3, 4]])


# ---------------------------------------------------------------------------- zip

NAMES = [
    "../config.json",
    "/etc/x",
    "C:\\x",
    "assets\\x",
    "assets/" + "n" * 65_000,
    "assets/../../x",
    "CONFIG.JSON",
    "more.txt",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_in_an_archive_that_lead_elsewhere_are_refused(name, tmp_path):
    path = write_keras(tmp_path, model_data(dense()))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    for load in (plait.load_model, small_model().load_weights):
        with refused(tmp_path):
            load(path)


def test_an_archive_with_a_member_twice_is_refused(tmp_path):
    path = write_keras(tmp_path, model_data(dense()))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", b"{}")
    with refused(tmp_path):
        plait.load_model(path)


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", " " * 300_000_000)
        archive.writestr("model.weights.h5", weights_bytes(tmp_path))
    with refused(tmp_path):
        plait.load_model(path)


def _link(data):
    return data.replace(struct.pack("<I", 0o600 << 16), struct.pack("<I", 0o120777 << 16))


LIES = {
    "before": lambda data: b"#!/bin/sh\n" + data,
    "after": lambda data: data + b"PK\5\6" + bytes(18),
    "half": lambda data: data[: len(data) // 2],
    "symbolic_link": _link,
    "nothing": lambda data: b"",
    "only_start": lambda data: b"PK\3\4",
}


@pytest.mark.parametrize("lie", LIES)
def test_an_archive_that_lies_is_refused(lie, tmp_path):
    path = write_keras(tmp_path, model_data(dense()))
    path.write_bytes(LIES[lie](path.read_bytes()))
    with refused(tmp_path):
        plait.load_model(path)


@pytest.mark.parametrize("write", [write_keras, write_legacy], ids=["keras", "legacy"])
def test_a_file_cut_at_each_64th_is_refused(write, tmp_path):
    path = write(tmp_path, model_data(dense()))
    data = path.read_bytes()
    for part in range(64):
        path.write_bytes(data[: len(data) * part // 64])
        with refused(tmp_path):
            plait.load_model(path)


# ---------------------------------------------------------------------------- flat weights


def _safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


ENTRY = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
FLAT = {
    "long_header": (2**32).to_bytes(8, "little") + b"{}",
    "no_json": _safetensors(b"__import__('os')"),
    "huge_shape": _safetensors({"evil/kernel": {**ENTRY, "shape": [2**40, 2**40]}}, bytes(16)),
    "outside": _safetensors({"evil/kernel": {**ENTRY, "data_offsets": [0, 2**40]}}, bytes(16)),
    "gap": _safetensors({"evil/kernel": {**ENTRY, "data_offsets": [4, 20]}}, bytes(20)),
    "overlap": _safetensors({"a": ENTRY, "b": ENTRY}, bytes(16)),
    "object_dtype": _safetensors({"evil/kernel": {**ENTRY, "dtype": "O"}}, bytes(16)),
    "negative": _safetensors({"evil/kernel": {**ENTRY, "shape": [-2, -2]}}, bytes(16)),
    "rest": _safetensors({"evil/kernel": ENTRY}, bytes(99)),
    "deep": _safetensors(b"[" * 100_000),
    "short": b"\1",
}


@pytest.mark.parametrize("attack", FLAT)
def test_safetensors_that_attack_are_refused(attack, tmp_path):
    path = tmp_path / "attack.safetensors"
    path.write_bytes(FLAT[attack])
    with refused(tmp_path):
        small_model().load_weights(path)
    with refused(tmp_path):
        plait.load_model(path)


@pytest.mark.parametrize("name", ["../secret.bin", "/etc/passwd", "a/b", "..", "http://127.0.0.1:1/x", 7])
def test_shards_that_lie_elsewhere_are_refused(name, tmp_path):
    manifest = [{"paths": [name], "weights": [{"name": "k", "shape": [2, 2], "dtype": "float32"}]}]
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"modelTopology": {"model_config": model_data(dense())}, "weightsManifest": manifest}))
    with refused(tmp_path):
        plait.load_model(path)


ENTRY_OF_SHARD = {"name": "evil/kernel", "shape": [2, 2], "dtype": "float32"}
LISTS = {
    "no list": 7,
    "no entry": [7],
    "no name": [{"shape": [2, 2], "dtype": "float32"}],
    "a name twice": [ENTRY_OF_SHARD, ENTRY_OF_SHARD],
    "no dtype": [{**ENTRY_OF_SHARD, "dtype": ["float32"]}],
    "odd quantisation": [{**ENTRY_OF_SHARD, "quantization": [1]}],
    "text as a scale": [{**ENTRY_OF_SHARD, "quantization": {"dtype": "uint8", "scale": "1"}}],
    "a huge shape": [{**ENTRY_OF_SHARD, "shape": [2**40, 2**40]}],
    "a negative shape": [{**ENTRY_OF_SHARD, "shape": [-2, -2]}],
    "a deep name": [
        {**ENTRY_OF_SHARD, "name": "evil/" * 100_000 + "kernel"},
        {**ENTRY_OF_SHARD, "name": "evil/bias", "shape": [2]},
    ],
    "places that aren't there": [{**ENTRY_OF_SHARD, "name": "layers/dense_99/vars/0"}],
    "a huge place": [{**ENTRY_OF_SHARD, "name": f"layers/dense_{'9' * 5000}/vars/0"}],
}


@pytest.mark.parametrize("attack", LISTS)
def test_lists_of_weights_that_lie_are_refused(attack, tmp_path):
    (tmp_path / "shard.bin").write_bytes(bytes(16))
    path, manifest = tmp_path / "model.json", [{"paths": ["shard.bin"], "weights": LISTS[attack]}]
    path.write_text(json.dumps({"modelTopology": {"model_config": model_data(dense())}, "weightsManifest": manifest}))
    with refused(tmp_path):
        plait.load_model(path)


def _legacy_with(folder, item, arrays):
    """A file of Keras 2 with a layer and its arrays."""
    path = write_legacy(folder, {"class_name": "Sequential", "config": {"name": "m", "layers": [item]}})
    with h5py.File(path, "a") as file:
        group = file["model_weights/evil"]
        group.attrs["weight_names"] = [f"evil/{index}".encode() for index in range(len(arrays))]
        for index, value in enumerate(arrays):
            group[f"evil/{index}"] = value
    return path


@pytest.mark.parametrize("shape", [(1,), (7,), (4, 1, 3, 2), (4, 1, 3, 3), (3, 2, 1, 1)])
def test_kernels_of_each_place_that_lie_are_refused(shape, tmp_path):
    config = {"name": "evil", "filters": 2, "kernel_size": [2], "batch_input_shape": [None, 4, 1], "implementation": 3}
    item = {"class_name": "LocallyConnected1D", "config": config}
    with refused(tmp_path):
        plait.load_model(
            _legacy_with(tmp_path, item, [np.ones(shape), np.ones((3, 2 if shape != (4, 1, 3, 2) else 5))])
        )


def test_states_that_lie_elsewhere_are_refused(tmp_path):
    x = plait.Input(batch_shape=(2, 3, 1))
    plait.Model(x, plait.layers.GRU(2, stateful=True)(x)).save(tmp_path / "m.h5")
    plait.load_model(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        (path,) = [f"recurrent_states/{name}/0" for name in ("layers/gru",)]
        assert path in file
        del file[path]
        file[path] = h5py.ExternalLink("/etc/passwd", "/x")
    with refused(tmp_path):
        plait.load_model(tmp_path / "m.h5")


def test_arrays_of_objects_are_refused(tmp_path):
    np.save(tmp_path / "attack.npy", np.array([print], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "attack.npz", a=np.array([print], dtype=object))
    for name in ("attack.npy", "attack.npz"):
        with refused(tmp_path):
            small_model().load_weights(tmp_path / name)


# ---------------------------------------------------------------------------- paths and threads


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe", tmp_path, "/proc/self/mem", tmp_path / "link", tmp_path / "none", "a\0b"):
        for load in (plait.load_model, small_model().load_weights):
            with refused(tmp_path):
                load(path)


def test_loading_in_threads_at_once_shares_no_state(tmp_path):
    Mine = type("Dense", (plait.layers.Dense,), {})
    path = write_keras(tmp_path, model_data({**dense(), "class_name": "Mine"}))
    outcomes = {}

    def load(index):
        try:
            objects = {"Mine": Mine} if index % 2 else None
            outcomes[index] = type(plait.load_model(path, custom_objects=objects).layers[1])
        except plait.errors.PlaitError as error:
            outcomes[index] = str(error)

    threads = [threading.Thread(target=load, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcomes[index] is Mine for index in range(8)] == [bool(index % 2) for index in range(8)], outcomes


FUZZ = """
import random, sys
import plait
from plait.errors import PlaitError
form, path, count, weights = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
data = open(path, "rb").read()
start = data.find(b"\\x89HDF") if form == "inside" else 0
size = len(open(weights, "rb").read()) if form == "inside" else len(data)
x = plait.Input((2,), name="x")
model = plait.Model(x, plait.layers.Dense(2, name="evil")(x), name="m")
draws = random.Random(form)


def load(data):
    open(path, "wb").write(data)
    if form == "inside":  # a folder has no checksums
        open(weights, "wb").write(data[start : start + size])
        plait.load_model(weights.rpartition("/")[0])
    elif form in ("weights", "newer"):
        model.load_weights(path)
    else:
        plait.load_model(path)


load(data)
for index in range(count):
    flipped = bytearray(data)
    for _ in range(draws.choice((1, 1, 8))):
        flipped[start + draws.randrange(size)] ^= 1 << draws.randrange(8)
    try:
        load(flipped)
    except PlaitError:
        pass
"""


def _weights_alone(folder, config):
    weights_bytes(folder)
    return folder / "small.weights.h5"


def _newer(folder, config):
    """Weights in forms that only the HDF5 library reads, in a process of its own."""
    weights_bytes(folder)
    path = folder / "newer.weights.h5"
    with h5py.File(folder / "small.weights.h5") as old, h5py.File(path, "w", libver="latest") as new:
        for name in old:
            old.copy(name, new)
    return path


def _inside(folder, config):
    """A `.keras` file as a folder, where nothing but the file itself can say that it is whole."""
    path = write_keras(folder, config)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "model")
    return path


FORMS = {"archive": write_keras, "legacy": write_legacy, "weights": _weights_alone, "inside": _inside, "newer": _newer}
FLIPS = {"archive": 100, "legacy": 300, "weights": 200, "inside": 200, "newer": 8}
MANY_FLIPS = {"archive": 300, "legacy": 10_000, "weights": 5_000, "inside": 5_000, "newer": 200}


@pytest.mark.parametrize(
    "form, count",
    [*FLIPS.items(), *(pytest.param(form, count, marks=pytest.mark.long) for form, count in MANY_FLIPS.items())],
)
def test_flipped_bits_neither_crash_nor_hang(form, count, tmp_path):
    path = FORMS[form](tmp_path, model_data(dense()))
    weights = tmp_path / "model" / "model.weights.h5"
    command = [sys.executable, "-W", "ignore", "-c", FUZZ, form, str(path), str(count), str(weights)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60 + count * (1 if form != "newer" else 5),
        env={**os.environ, "PYTHONPATH": "src"},
    )
    assert done.returncode == 0, done.stderr[-2000:]


HANGS = [(2880, 64), (5061, 128), (5068, 2), (6818, 1), (8965, 32), (9172, 16), (10505, 2), (10714, 1)]


def test_flips_that_the_hdf5_library_is_busy_with_for_ever_are_read_at_once(tmp_path):
    path = write_legacy(tmp_path, model_data(dense()))
    data = bytearray(path.read_bytes())
    for place, bits in HANGS:
        data[place] ^= bits
    path.write_bytes(data)
    command = [sys.executable, "-W", "ignore", "-c", f"import plait\nplait.load_model({str(path)!r})"]
    done = subprocess.run(
        command, capture_output=True, timeout=100, env={**os.environ, "PYTHONPATH": "src"}, check=False
    )
    assert done.returncode == 0 or b"plait.errors" in done.stderr


def test_a_good_file_still_opens(tmp_path):
    with watched(tmp_path):
        plait.load_model(write_keras(tmp_path, model_data(dense())))
        plait.load_model(write_legacy(tmp_path, model_data(dense())))


def test_an_attribute_of_a_type_that_crashes_hdf5_is_refused(tmp_path):
    """Text whose type was flipped into a sequence of variable length: h5py would end the process."""
    path = write_legacy(tmp_path, model_data(dense()))
    with h5py.File(path, "r+") as file:
        ragged = np.empty(1, object)
        ragged[0] = np.array([1, 2], "int32")
        del file.attrs["backend"]
        file.attrs.create("backend", ragged, dtype=h5py.vlen_dtype(np.int32))
    with refused(tmp_path):
        plait.load_model(path)
