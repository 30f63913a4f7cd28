"""What an attack may not do, watched by Python's own audit events; and the small files that attacks are put into."""

import contextlib
import json
import os
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import h5py

import plait
from plait.errors import PlaitError

SECONDS, BYTES = 2.0, 64 * 2**20  # of this process's own time, and beside the size of the file
_WATCHED: list = []
_FORBIDDEN = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
    "socket.connect",
    "socket.getaddrinfo",
    "pickle.find_class",
    "marshal.loads",
    "shutil.rmtree",
    "urllib.Request",
}


def _is_import(frame) -> bool:
    """Whether Python itself reads a compiled module; which ones it may is checked by name."""
    return "importlib._bootstrap_external" in frame.f_code.co_filename


def _listen(event: str, arguments: tuple) -> None:
    if _WATCHED:
        if event == "marshal.loads" and _is_import(sys._getframe(1)):
            return
        if event in _FORBIDDEN:
            _WATCHED[-1].append((event, str(arguments)[:200]))
        elif event == "open" and isinstance(arguments[0], (str, bytes)):
            _WATCHED[-1].append((event, os.fsdecode(arguments[0]), arguments[1]))


plait.common.registry.load_all()  # what would be imported only when a class is unknown
sys.addaudithook(_listen)


def _memory(field: str) -> int:
    """Bytes that this process holds ("VmRSS"), or held at its peak ("VmHWM")."""
    if not Path("/proc/self/status").exists():
        return 0  # only Linux tells
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


def _start_of_peak() -> int:
    """Counts the peak anew from now on, where the system allows that; the bytes held now."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return _memory("VmHWM")


@contextlib.contextmanager
def watched(folder: Path):
    """Fails if the block takes too long or too much, runs, imports or connects to anything, or touches other files."""
    plait.saving
    modules, events = set(sys.modules), []
    start, before = time.process_time(), _start_of_peak()
    _WATCHED.append(events)
    try:
        yield
    finally:
        _WATCHED.pop()
    seconds, grown = time.process_time() - start, _memory("VmHWM") - before
    assert seconds < SECONDS, f"it took {seconds:.1f} s"
    assert grown < BYTES + sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()), f"it took {grown:,} bytes"
    allowed = (
        str(folder),
        tempfile.gettempdir(),
        sys.prefix,
        sys.base_prefix,
        str(Path(plait.__file__).parent),
        "/proc/self",
    )
    cache = os.environ.get("JAX_COMPILATION_CACHE_DIR", "/nowhere")
    strange = [
        e for e in events if e[0] != "open" or (not e[1].startswith((*allowed, cache)) and e[1] not in ("/dev/null",))
    ]
    strange = [e for e in strange if not (e[0] == "open" and e[1].endswith((".py", ".pyc")))]
    assert not strange, strange
    new = {name.partition(".")[0] for name in set(sys.modules) - modules}
    assert new <= {"plait", "jax", "jaxlib", "numpy", "h5py", "encodings"}, new


@contextlib.contextmanager
def refused(folder: Path, match: str | None = None):
    """Expects plait's own error, and nothing else to happen."""
    error = None
    with watched(folder):
        try:
            yield
        except PlaitError as caught:
            error = caught
    assert error is not None, "it was not refused"
    if match is not None:
        import re

        assert re.search(match, str(error)), str(error)


# ---------------------------------------------------------------------------- small files

TENSOR = {
    "class_name": "__keras_tensor__",
    "config": {"shape": [None, 2], "dtype": "float32", "keras_history": ["x", 0, 0]},
}


def layer_data(class_name: str = "Dense", name: str = "evil", module="keras.layers", registered=None, **config) -> dict:
    """A layer in object form."""
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, **config},
        "registered_name": registered,
        "name": name,
        "inbound_nodes": [{"args": [TENSOR], "kwargs": {}}],
    }


def dense(**config) -> dict:
    """A Dense layer in object form, some of its config replaced."""
    return layer_data("Dense", "evil", **{"units": 2, **config})


def input_data() -> dict:
    """The Input that `layer_data` is called on."""
    config = {"batch_shape": [None, 2], "dtype": "float32", "name": "x"}
    return {"module": "keras.layers", "class_name": "InputLayer", "config": config, "name": "x", "inbound_nodes": []}


def model_data(layer: dict, **more) -> dict:
    """A model of one layer in object form."""
    config = {
        "name": "m",
        "trainable": True,
        "layers": [input_data(), layer],
        "input_layers": [["x", 0, 0]],
        "output_layers": [[layer["name"], 0, 0]],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
        **more,
    }


def small_model():
    """The model whose files are attacked."""
    x = plait.Input((2,), name="x")
    return plait.Model(x, plait.layers.Dense(2, name="evil")(x), name="m")


def weights_bytes(folder: Path) -> bytes:
    """The weights file of the small model."""
    path = folder / "small.weights.h5"
    if not path.exists():
        small_model().save_weights(path)
    return path.read_bytes()


def write_keras(folder: Path, config, weights: bytes | None = None, version: str = "3.15.1") -> Path:
    """A `.keras` file of any config."""
    path = folder / "attack.keras"
    text = config if isinstance(config, (bytes, str)) else json.dumps(config)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version, "date_saved": ""}))
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", weights_bytes(folder) if weights is None else weights)
    return path


def write_legacy(folder: Path, config) -> Path:
    """A whole-model HDF5 file of any config."""
    path = folder / "attack.h5"
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.4.0", "tensorflow"
        file.attrs["model_config"] = config if isinstance(config, (bytes, str)) else json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"evil"]
        inner = group.create_group("evil")
        inner.attrs["weight_names"] = [b"evil/kernel:0", b"evil/bias:0"]
        inner["evil/kernel:0"], inner["evil/bias:0"] = [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]
    return path


def _json(folder: Path, config) -> Path:
    path = folder / "model.json"
    path.write_text(json.dumps(config))
    return path


ENTRIES = {
    "keras": lambda folder, config: plait.load_model(write_keras(folder, config)),
    "uncompiled": lambda folder, config: plait.load_model(write_keras(folder, config), compile=False, safe_mode=False),
    "legacy": lambda folder, config: plait.load_model(write_legacy(folder, config)),
    "json": lambda folder, config: plait.models.model_from_json(json.dumps(config)),
    "json_file": lambda folder, config: plait.load_model(_json(folder, config)),
    "deserialize": lambda folder, config: plait.saving.deserialize_keras_object(config, safe_mode=False),
    "from_config": lambda folder, config: plait.Model.from_config(config["config"]),
    "layer": lambda folder, config: plait.layers.deserialize(config["config"]["layers"][1]),
}
