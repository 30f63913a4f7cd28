"""The rest of TensorFlow's modules: devices, strategies, checks, tables, summaries, and what cannot be there.

What plait has no counterpart of is a name that can be imported and asked for; called, it says what to use instead. So a package
that names it in an annotation or behind an `if` still loads.
"""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from plait import distribution
from plait.common.tree import flatten, map_structure, pack_as
from plait.compat.tensorflow_shapes import stack
from plait.compat.tensors import TensorShape, on_host
from plait.core.variable import Variable
from plait.errors import DataError, MissingError
from plait.training.callbacks.event_file import EventFile


def refused(name: str, instead: str) -> Any:
    """A name that can be asked for; called, it says what to use instead."""

    class Refused:
        is_refused = True

        def __init__(self, *_: Any, **options: Any):
            _refuse()

        def __init_subclass__(cls) -> None:
            """A subclass may be written; it cannot be made."""

    def _refuse(*_: Any, **options: Any) -> Any:
        raise MissingError(f"plait has no {name}. {instead}")

    Refused.__name__ = Refused.__qualname__ = name.rpartition(".")[2]
    Refused.__doc__ = f"{name} isn't here: {instead}"
    for method in ("from_saved_model", "from_keras_model", "from_concrete_functions", "connect"):
        setattr(Refused, method, staticmethod(_refuse))
    return Refused


def _table(module: str, names: str, instead: str) -> dict[str, Any]:
    return {name: refused(f"{module}.{name}", instead) for name in names.split()}


# ---------------------------------------------------------------------------- devices


class PhysicalDevice(NamedTuple):
    """A device of the machine."""

    name: str
    device_type: str


def _devices(device_type: Any = None) -> list[PhysicalDevice]:
    kinds: dict[str | None, str] = {"cpu": "CPU", "gpu": "GPU", "cuda": "GPU", "rocm": "GPU", "tpu": "TPU"}
    found = [(kinds.get(device.platform, device.platform.upper()), device.id) for device in jax.devices()]
    if not any(kind == "CPU" for kind, _ in found):
        found.insert(0, ("CPU", 0))
    return [
        PhysicalDevice(f"/physical_device:{kind}:{number}", str(kind))
        for kind, number in found
        if device_type in (None, kind)
    ]


def _nothing(*_: Any, **options: Any) -> None:
    """Nothing to do: JAX decides this itself."""


def _memory(device: Any = None) -> dict[str, int]:
    found = jax.devices()[0].memory_stats() or {}
    return {"current": found.get("bytes_in_use", 0), "peak": found.get("peak_bytes_in_use", 0)}


CONFIG: dict[str, Any] = {
    "LogicalDeviceConfiguration": lambda memory_limit=None, **_: SimpleNamespace(memory_limit=memory_limit),
    "experimental_connect_to_cluster": refused(
        "tf.config.experimental_connect_to_cluster", "Use jax.distributed.initialize."
    ),
    "functions_run_eagerly": lambda: False,
    "get_visible_devices": _devices,
    "list_logical_devices": _devices,
    "list_physical_devices": _devices,
    "run_functions_eagerly": _nothing,
    "set_logical_device_configuration": _nothing,
    "set_soft_device_placement": _nothing,
    "set_visible_devices": _nothing,
}
EXPERIMENTAL_CONFIG: dict[str, Any] = {
    **CONFIG,
    "VirtualDeviceConfiguration": CONFIG["LogicalDeviceConfiguration"],
    "enable_op_determinism": _nothing,
    "get_memory_info": _memory,
    "get_memory_growth": lambda device: True,
    "reset_memory_stats": _nothing,
    "set_memory_growth": _nothing,
    "set_virtual_device_configuration": _nothing,
}
OPTIMIZER_CONFIG: dict[str, Any] = {
    "get_experimental_options": dict,
    "get_jit": lambda: "autoclustering",
    "set_experimental_options": _nothing,
    "set_jit": _nothing,
}
THREADING: dict[str, Any] = {
    "get_inter_op_parallelism_threads": lambda: 0,
    "get_intra_op_parallelism_threads": lambda: 0,
    "set_inter_op_parallelism_threads": _nothing,
    "set_intra_op_parallelism_threads": _nothing,
}


class Strategy:
    """Where a model is trained: on the device there is, or each batch split over all (`plait.distribution.DataParallel`).

    Args:
        devices: kept for TensorFlow's sake.
    """

    def __init__(self, devices: Any = None, *_: Any, **options: Any):
        self._layout = distribution.DataParallel() if len(jax.devices()) > 1 else None

    num_replicas_in_sync = 1  # for the program there is one: a batch is split below it

    @contextlib.contextmanager
    def scope(self) -> Iterator["Strategy"]:
        """A block in which what is made is laid out so; it stays after it, as models are trained later."""
        if self._layout is not None:
            distribution.set_distribution(self._layout)
        yield self

    def run(self, fn: Callable, args: Any = (), kwargs: Any = None, options: Any = None) -> Any:
        """A function's result."""
        return fn(*args, **(kwargs or {}))

    def reduce(self, reduce_op: Any, value: Any, axis: Any = None) -> Any:
        """The value, summed or averaged along an axis."""
        if axis is None:
            return value
        return (jnp.mean if "mean" in str(reduce_op).lower() else jnp.sum)(value, axis)

    def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
        """The data set itself."""
        return dataset

    def experimental_local_results(self, value: Any) -> tuple:
        """The value as the only one."""
        return (value,)

    def distribute_datasets_from_function(self, dataset_fn: Callable, options: Any = None) -> Any:
        """The data set that a function makes."""
        return dataset_fn(None)


_MULTI = "Use keras.distribution.DataParallel or ModelParallel with jax.distributed.initialize (docs: distribution)."
DISTRIBUTE: dict[str, Any] = {
    **_table(
        "tf.distribute", "MultiWorkerMirroredStrategy ParameterServerStrategy TPUStrategy InputContext Server", _MULTI
    ),
    "HierarchicalCopyAllReduce": _nothing,
    "MirroredStrategy": Strategy,
    "NcclAllReduce": _nothing,
    "OneDeviceStrategy": Strategy,
    "ReduceOp": SimpleNamespace(SUM="SUM", MEAN="MEAN"),
    "ReductionToOneDevice": _nothing,
    "Strategy": Strategy,
    "get_replica_context": lambda: SimpleNamespace(
        replica_id_in_sync_group=0, num_replicas_in_sync=1, all_reduce=lambda op, value: value
    ),
    "get_strategy": Strategy,
    "has_strategy": lambda: False,
    "in_cross_replica_context": lambda: False,
}
EXPERIMENTAL_DISTRIBUTE = _table(
    "tf.distribute.experimental",
    "CentralStorageStrategy MultiWorkerMirroredStrategy ParameterServerStrategy TPUStrategy",
    _MULTI,
)
RESOLVER = _table(
    "tf.distribute.cluster_resolver",
    "TPUClusterResolver TFConfigClusterResolver SlurmClusterResolver ClusterResolver",
    _MULTI,
)

# ---------------------------------------------------------------------------- checks


def _assertion(holds: Callable[[Any, Any], Any], words: str) -> Callable:
    def check(x: Any, y: Any, message: str | None = None, *_: Any, **options: Any) -> None:
        """Refuses values of which it isn't true.

        Raises:
            DataError: somewhere it isn't.
        """
        if isinstance(x, Tracer) or isinstance(y, Tracer):
            return  # values are known at the run only
        if not np.all(holds(np.asarray(x), np.asarray(y))):
            raise DataError(f"{message or 'tf.debugging'}: {x} is not {words} {y}.")

    return check


def check_numerics(tensor: Any, message: str, name: str | None = None) -> Any:
    """The tensor, if all its values are finite numbers.

    Raises:
        DataError: one isn't.
    """
    if not isinstance(tensor, Tracer) and not np.isfinite(np.asarray(tensor)).all():
        raise DataError(f"{message}: the tensor holds NaN or infinity.")
    return tensor


def assert_shapes(shapes: Any, *_: Any, **options: Any) -> None:
    """Refuses tensors of other shapes; the same letter stands for one size."""
    known: dict[Any, int] = {}
    for tensor, wanted in shapes.items() if isinstance(shapes, dict) else shapes:
        for size, want in zip(tensor.shape, wanted, strict=True):
            want = known.setdefault(want, size) if isinstance(want, str) else want
            if want is not None and size != want:
                raise DataError(f"tf.debugging.assert_shapes: {tuple(tensor.shape)} is not {tuple(wanted)}.")


_COMPARISONS: dict[str, tuple[Callable, str]] = {
    "equal": (np.equal, "equal to"),
    "none_equal": (np.not_equal, "other than"),
    "greater": (np.greater, "greater than"),
    "greater_equal": (np.greater_equal, "at least"),
    "less": (np.less, "less than"),
    "less_equal": (np.less_equal, "at most"),
    "near": (lambda x, y: np.isclose(x, y, 1e-5, 1e-5), "near"),
}
DEBUGGING: dict[str, Any] = {
    **{f"assert_{name}": _assertion(*rule) for name, rule in _COMPARISONS.items()},
    "assert_all_finite": check_numerics,
    "assert_non_negative": lambda x, message=None, **_: _assertion(np.greater_equal, "at least")(x, 0, message),
    "assert_positive": lambda x, message=None, **_: _assertion(np.greater, "greater than")(x, 0, message),
    "assert_rank": lambda x, rank, message=None, **_: _assertion(np.equal, "of rank")(np.ndim(x), int(rank), message),
    "assert_shapes": assert_shapes,
    "assert_type": _nothing,
    "check_numerics": check_numerics,
    "disable_check_numerics": _nothing,
    "enable_check_numerics": lambda *_, **options: jax.config.update("jax_debug_nans", True),
    "is_numeric_tensor": lambda tensor: hasattr(tensor, "dtype") and tensor.dtype.kind in "fiub",
    "set_log_device_placement": _nothing,
}


class OutOfRangeError(Exception):
    """What TensorFlow raises at the end of data; Python's iteration ends by itself here."""


ERRORS: dict[str, Any] = {
    **{
        name: type(name, (Exception,), {})
        for name in "AbortedError InternalError UnavailableError UnimplementedError".split()
    },
    "InvalidArgumentError": DataError,
    "NotFoundError": FileNotFoundError,
    "OpError": Exception,
    "OutOfRangeError": OutOfRangeError,
    "ResourceExhaustedError": MemoryError,
}

# ---------------------------------------------------------------------------- tables, arrays, messages


class KeyValueTensorInitializer(NamedTuple):
    """Keys and their values, of a table."""

    keys: Any
    values: Any
    key_dtype: Any = None
    value_dtype: Any = None


class StaticHashTable:
    """A table from texts or numbers to others."""

    def __init__(self, initializer: KeyValueTensorInitializer, default_value: Any, name: str | None = None):
        keys, self._values = np.asarray(on_host(initializer.keys)), np.asarray(on_host(initializer.values))
        self._places = {key: place for place, key in enumerate(keys.tolist())}
        self._default = np.asarray(on_host(default_value)).astype(self._values.dtype)

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """The values of some keys."""
        asked = np.asarray(on_host(keys))
        found = np.full(asked.shape, self._default, self._values.dtype)
        for place, key in np.ndenumerate(asked):
            if key in self._places:
                found[place] = self._values[self._places[key]]
        return on_host(found)

    __getitem__ = lookup

    def size(self, name: str | None = None) -> Any:
        """How many keys there are."""
        return on_host(np.int64(len(self._places)))


class TensorArray:
    """A list of tensors of one dtype."""

    def __init__(self, dtype: Any, size: Any = 0, dynamic_size: bool = False, *_: Any, **options: Any):
        self._values: list[Any] = [None] * int(size or 0)

    def write(self, index: Any, value: Any, name: str | None = None) -> "TensorArray":
        """Puts a tensor at a place."""
        place = int(index)
        self._values += [None] * (place + 1 - len(self._values))
        self._values[place] = value
        return self

    def read(self, index: Any, name: str | None = None) -> Any:
        """The tensor at a place."""
        return self._values[int(index)]

    def stack(self, name: str | None = None) -> Any:
        """All in one tensor, along a new first axis."""
        return stack(self._values)

    def unstack(self, value: Any, name: str | None = None) -> "TensorArray":
        """Takes the entries of a tensor."""
        self._values = list(value)
        return self

    def concat(self, name: str | None = None) -> Any:
        """All in one tensor, along the first axis."""
        return jnp.concatenate([jnp.asarray(value) for value in self._values])

    def gather(self, indices: Any, name: str | None = None) -> Any:
        """Some of them in one tensor."""
        return stack([self._values[int(place)] for place in np.asarray(indices)])

    def size(self, name: str | None = None) -> Any:
        """How many there are."""
        return on_host(np.int32(len(self._values)))


class IndexedSlices(NamedTuple):
    """Some rows of a tensor. plait's gradients are whole tensors."""

    values: Any
    indices: Any
    dense_shape: Any = None


class SummaryWriter:
    """Writes numbers and pictures for TensorBoard."""

    def __init__(self, logdir: Any, *_: Any, **options: Any):
        self.file = EventFile(logdir)

    @contextlib.contextmanager
    def as_default(self, step: Any = None) -> Iterator["SummaryWriter"]:
        """A block in which `tf.summary` writes here."""
        _writers.append(self)
        try:
            yield self
        finally:
            _writers.remove(self)
            self.flush()

    def flush(self) -> None:
        """Has it all on disk."""
        self.file.flush()

    def close(self) -> None:
        """Ends the file."""
        self.file.close()


_writers: list[SummaryWriter] = []


def _written(kind: str) -> Callable:
    def write(name: str, data: Any, step: Any = None, *_: Any, **options: Any) -> bool:
        """Writes to the writer whose block this is in; without one nothing."""
        for writer in _writers[-1:]:
            if kind == "image":
                pictures = np.asarray(data)
                pictures = pictures if pictures.dtype == np.uint8 else (pictures * 255).clip(0, 255).astype(np.uint8)
                writer.file.image(name, pictures[..., :1], int(step or 0))
            else:
                getattr(writer.file, kind)(name, np.asarray(data), int(step or 0))
        return bool(_writers)

    return write


SUMMARY: dict[str, Any] = {
    **_table("tf.summary", "audio text graph trace_on trace_export", "Use jax.profiler, or write a file of your own."),
    "SummaryWriter": SummaryWriter,
    "create_file_writer": SummaryWriter,
    "histogram": _written("histogram"),
    "image": _written("image"),
    "scalar": _written("scalar"),
}

# ---------------------------------------------------------------------------- small things


def assert_same_structure(nest1: Any, nest2: Any, *_: Any, **options: Any) -> None:
    """Refuses structures that differ.

    Raises:
        ArgumentError: they do.
    """
    map_structure(lambda *leaves: None, nest1, nest2)


NEST: dict[str, Any] = {
    "assert_same_structure": assert_same_structure,
    "flatten": lambda structure, expand_composites=False: flatten(structure),
    "is_nested": lambda structure: isinstance(structure, (list, tuple, dict)),
    "map_structure": lambda func, *structure, **_: map_structure(func, *structure),
    "pack_sequence_as": lambda structure, flat_sequence, expand_composites=False: pack_as(
        structure, list(flat_sequence)
    ),
}


class Module:
    """The parent of things that hold variables."""

    def __init__(self, name: str | None = None):
        self.name = name or type(self).__name__.lower()

    @property
    def variables(self) -> tuple:
        """The variables that its attributes hold, those of modules and layers among them."""
        found: dict[int, Variable] = {}
        for leaf in flatten(list(vars(self).values())):
            for variable in [leaf] if isinstance(leaf, Variable) else getattr(leaf, "variables", None) or ():
                found[id(variable)] = variable
        return tuple(found.values())

    @property
    def trainable_variables(self) -> tuple:
        """Those that training changes."""
        return tuple(variable for variable in self.variables if variable.trainable)


@contextlib.contextmanager
def block(*_: Any, **options: Any) -> Iterator[None]:
    """A block that changes nothing: JAX places operations itself."""
    yield


def say(*values: Any, output_stream: Any = None, sep: str = " ", end: str = "\n", **_: Any) -> None:
    """Prints values, those of a compiled step when it runs."""
    if any(isinstance(leaf, Tracer) for leaf in flatten(list(values))):
        jax.debug.print(sep.join(["{}"] * len(values)), *values)
        return
    print(*values, sep=sep, end=end, file=sys.stderr if output_stream is None else output_stream)


def _as_bytes(bytes_or_text: Any, encoding: str = "utf-8") -> bytes:
    return bytes_or_text.encode(encoding) if isinstance(bytes_or_text, str) else bytes(bytes_or_text)


def _as_text(bytes_or_text: Any, encoding: str = "utf-8") -> str:
    return bytes_or_text if isinstance(bytes_or_text, str) else bytes(bytes_or_text).decode(encoding)


def get_static_value(tensor: Any, partial: bool = False) -> Any:
    """The values of a tensor as an array, or None where they aren't known."""
    return None if isinstance(tensor, Tracer) else np.asarray(tensor)


def broadcast_static_shape(shape_x: Any, shape_y: Any) -> TensorShape:
    """The shape that two broadcast to."""
    return TensorShape(np.broadcast_shapes(tuple(shape_x), tuple(shape_y)))


LOGGING: dict[str, Any] = {
    **{level: getattr(logging, level) for level in ("DEBUG", "ERROR", "FATAL", "INFO", "WARN")},
    **{name: getattr(logging, name) for name in ("debug", "error", "info", "warning")},
    "set_verbosity": lambda level: logging.getLogger("tensorflow").setLevel(level),
    "warn": logging.warning,
}
COMPAT: dict[str, Any] = {"as_bytes": _as_bytes, "as_str": _as_text, "as_str_any": str, "as_text": _as_text}
AUTOGRAPH: dict[str, Any] = {
    "set_verbosity": _nothing,
    "to_code": refused(
        "tf.autograph.to_code", "Functions run as Python, or are traced by JAX: jax.make_jaxpr shows that."
    ),
}
SAVED_MODEL = _table(
    "tf.saved_model",
    "save load SaveOptions LoadOptions contains_saved_model",
    "Use model.save, model.export and keras.models.load_model.",
)
LITE: dict[str, Any] = {
    **_table(
        "tf.lite",
        "Interpreter TFLiteConverter RepresentativeDataset",
        "Use model.export(format='onnx') or model.quantize.",
    ),
    "OpsSet": SimpleNamespace(
        TFLITE_BUILTINS="TFLITE_BUILTINS", SELECT_TF_OPS="SELECT_TF_OPS", TFLITE_BUILTINS_INT8="INT8"
    ),
    "Optimize": SimpleNamespace(DEFAULT="DEFAULT"),
}
LOOKUP: dict[str, Any] = {
    **_table("tf.lookup", "StaticVocabularyTable TextFileInitializer", "Use keras.layers.StringLookup."),
    "KeyValueTensorInitializer": KeyValueTensorInitializer,
    "StaticHashTable": StaticHashTable,
    "experimental": SimpleNamespace(DenseHashTable=refused("tf.lookup.experimental.DenseHashTable", "Use a dict.")),
}
OTHERS: dict[str, dict[str, Any]] = {
    "queue": _table("tf.queue", "FIFOQueue QueueBase RandomShuffleQueue", "Use queue.Queue of Python's."),
    "profiler": {"experimental": SimpleNamespace(start=jax.profiler.start_trace, stop=jax.profiler.stop_trace)},
    "tpu": _table("tf.tpu", "XLAOptions", _MULTI),
    "tpu.experimental": {"initialize_tpu_system": refused("tf.tpu.experimental.initialize_tpu_system", _MULTI)},
    "experimental.tensorrt": _table(
        "tf.experimental.tensorrt", "Converter ConversionParams", "Use model.export(format='onnx')."
    ),
    "feature_column": _table(
        "tf.feature_column",
        "numeric_column categorical_column_with_vocabulary_list embedding_column bucketized_column indicator_column",
        "Use keras.utils.FeatureSpace.",
    ),
    "estimator": _table("tf.estimator", "Estimator DNNClassifier EstimatorSpec", "Use keras.Model."),
}
