"""The configs of Keras 1, 2 and tf.keras, told in today's words.

Verbs: `modernise(config, version)` returns a new config that today's classes understand; `modern_optimizer` does so for
the optimizer of a `training_config`.

What changes: names of arguments (`output_dim`, `nb_filter`, `border_mode`, `alpha`), of classes (`Convolution2D`, `Merge`,
`CuDNNLSTM`), the first layer's shape, defaults that were others then (a GRU without `reset_after`), values that need no
class of their own any more (policies, tuples, arrays), and arguments that say nothing about a loaded model, which go.

`hard_sigmoid` meant clip(0.2 x + 0.5, 0, 1) before Keras 3. It becomes `OldHardSigmoid`, which computes that, and which
files hold as two layers of today's Keras, so that Keras 3 computes it too.
"""

import re
from typing import Any

import jax.numpy as jnp

from plait.common.constructors import constructor_parameters
from plait.common.messages import describe
from plait.common.registry import builtins_of
from plait.errors import FileError
from plait.layers.legacy import FORMER_NAMES

_OLD_MODELS = {"Model", "Functional", "Network", "Graph"}

_RENAMED_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
    "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU",
    "ThresholdedReLU": "ReLU",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "LSTMV1": "LSTM",
    "LSTMV2": "LSTM",
    "GRUV1": "GRU",
    "GRUV2": "GRU",
    "DenseV1": "Dense",
}
_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "concat": "Concatenate",
    "ave": "Average",
    "max": "Maximum",
    "dot": "Dot",
    "cos": "Dot",
}
RENAMED_ARGUMENTS = {
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "bias": "use_bias",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "U_constraint": "recurrent_constraint",
    "b_constraint": "bias_constraint",
    "inner_activation": "recurrent_activation",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample_length": "strides",
    "subsample": "strides",
    "border_mode": "padding",
    "atrous_rate": "dilation_rate",
    "pool_length": "pool_size",
    "stride": "strides",
    "beta_init": "beta_initializer",
    "gamma_init": "gamma_initializer",
    "sigma": "stddev",
    "theta": "threshold",
}
RENAMED_IN = {
    ("Dropout", "p"): "rate",
    ("GaussianDropout", "p"): "rate",
    ("SpatialDropout1D", "p"): "rate",
    ("SpatialDropout2D", "p"): "rate",
    ("SpatialDropout3D", "p"): "rate",
    ("LeakyReLU", "alpha"): "negative_slope",
    ("UpSampling1D", "length"): "size",
    ("MaxoutDense", "nb_feature"): "features",
    ("Embedding", "init"): "embeddings_initializer",
    ("Embedding", "W_regularizer"): "embeddings_regularizer",
    ("Embedding", "W_constraint"): "embeddings_constraint",
}
WITH_UNITS = {"Dense", "LSTM", "GRU", "SimpleRNN", "TimeDistributedDense", "MaxoutDense", "Highway"}
_OF_ROWS = {"Dense", "MaxoutDense", "Highway"}  # whose `input_dim` is all there is to the shape of their input
_TAKEN_BY = {
    "Embedding": "int32",
    "TextVectorization": "string",
    "StringLookup": "string",
}  # by their inputs, not their outputs
# Arguments that say nothing about a model whose weights are read, wherever a class of today doesn't know them.
_SAY_NOTHING = {
    *("query_shape", "key_shape", "value_shape"),  # those that a MultiHeadAttention of tf.keras was built for
    *("implementation", "unroll", "consume_less", "input_dim", "input_length", "input_dtype", "create_input"),
    *("time_major", "groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint", "bias_initializer"),
    *(
        "ragged",
        "sparse",
        "mode",
        "output_mask",
        "node_indices",
        "tensor_indices",
        "arguments",
        "dropout",
        "virtual_batch_size",
    ),
    *("renorm", "renorm_clipping", "renorm_momentum", "fused", "adjustment", "trainable", "dtype", "nb_row", "nb_col"),
    *("forget_bias_init", "dim_ordering", "expects_mask_arg", "expects_training_arg", "build_input_shape", "module"),
    *(
        "synchronized",
        "batch_input_shape",
        "batchInputShape",
        "activity_regularizer",
        "weights",
        "experimental_autocast",
        "adjoint",
    ),
}
INITIALIZERS = {"uniform": "random_uniform", "normal": "random_normal", "zero": "zeros", "one": "ones"}


class OldHardSigmoid:
    """clip(0.2 x + 0.5, 0, 1): what `hard_sigmoid` was before Keras 3.

    >>> OldHardSigmoid()(jnp.array([-3.0, 0.0, 2.5])).tolist()
    [0.0, 0.5, 1.0]
    """

    __name__ = "hard_sigmoid_of_keras_2"

    def __call__(self, x: Any) -> Any:
        return jnp.clip(0.2 * x + 0.5, 0.0, 1.0)

    def file_identity(self) -> tuple[str, str, str | None]:
        """What files call it: a chain of two layers."""
        return "keras", "Sequential", None

    def get_config(self) -> dict:
        """The config of that chain."""
        layers = [("Rescaling", {"scale": 0.2, "offset": 0.5}), ("ReLU", {"max_value": 1.0})]
        return {
            "name": self.__name__,
            "trainable": True,
            "layers": [
                _keras_layer(cls, {"name": f"{self.__name__}_{cls.lower()}", **config}) for cls, config in layers
            ],
        }


def _keras_layer(class_name: str, config: dict) -> dict:
    return {"module": "keras.layers", "class_name": class_name, "config": config, "registered_name": None}


def modernise(config: Any, version: str) -> Any:
    """A model's config, as some version of Keras wrote it, in the words of today.

    Args:
        config: parsed JSON in object form; it stays as it is.
        version: what wrote it, such as `"2.2.4-tf"`.

    Raises:
        FileError: a bare config that is no model's; a merge that was given as code.
    """
    return _without_slashes(_Moderniser(version, _order_of(config)).model(config))


def _order_of(config: Any) -> str | None:
    """The one order of axes in a config, which also holds for layers of Keras 1 that don't name theirs; None if there are two."""
    found, remaining = set(), [config]
    while remaining:
        value = remaining.pop()
        if isinstance(value, dict):
            order = value.get("dim_ordering")
            found |= {{"th": "channels_first", "tf": "channels_last"}.get(order)} if isinstance(order, str) else set()
        remaining.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
    return found.pop() if len(found) == 1 else None


def _without_slashes(config: Any) -> Any:
    """A config whose layers have no "/" in their names, which today's layers can't have: an "_" stands for each."""
    names = {}

    def collect(value: Any) -> None:
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            collect(item)
        if isinstance(value, dict) and "inbound_nodes" in value and isinstance(value.get("config"), dict):
            name = value["config"].get("name")
            if isinstance(name, str) and "/" in name:
                names[name] = plain_name(name)

    def rename(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: rename(item) for key, item in value.items()}
        if isinstance(value, list):
            return [rename(item) for item in value]
        return names.get(value, value) if isinstance(value, str) else value

    collect(config)
    return rename(config) if names else config


def _taken_by(layer: dict) -> str | None:
    """The dtype that a layer takes, whatever it computes in; None where that says it."""
    config = layer.get("config")
    inverted = isinstance(config, dict) and config.get("invert")
    return None if inverted else _TAKEN_BY.get(str(layer.get("class_name")))


def _batch_shape(config: dict) -> Any:
    """The shape of the first layer's input, by any of the names it has had."""
    names = ("batch_shape", "batch_input_shape", "batchInputShape")  # the last: converters from Keras 3 to TF.js
    return next((config[name] for name in names if config.get(name) is not None), None)


def plain_name(name: str) -> str:
    """A name as a layer of today can have it."""
    return name.replace("/", "_")


def major(version: Any) -> int:
    """The first number of a version; 1 where none is told, as Keras 1 sometimes did."""
    head = str(version or "1").partition(".")[0]
    return int(head) if head.isdecimal() and len(head) < 4 else 1


def minor(version: Any) -> tuple[int, int]:
    """The first two numbers of a version."""
    found = re.match(r"(\d{1,3})\.(\d{1,3})", str(version or ""))
    return (int(found[1]), int(found[2])) if found else (major(version), 0)


class _Moderniser:
    def __init__(self, version: str, order: str | None):
        self.version, self.major, self.order = version, major(version), order

    def model(self, config: Any) -> dict:
        if isinstance(config, list):
            config = {"class_name": "Sequential", "config": config}
        if isinstance(config, dict) and "class_name" not in config and "layers" in config:
            is_graph = "input_layers" in config
            config = {"class_name": "Functional" if is_graph else "Sequential", "config": config}
        if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
            raise FileError(f"The config doesn't describe a model: {describe(config)[:200]}.")
        return self.layer(config)

    def layer(self, data: dict) -> dict:
        """A layer or model in object form."""
        name, config = data.get("class_name"), data.get("config")
        if name in _OLD_MODELS and isinstance(config, dict) and "layers" in config:
            inner = {**config, "layers": [self._member(item) for item in config["layers"]]}
            return {
                **data,
                "class_name": "Functional",
                "module": None,
                "registered_name": "Functional",
                "config": inner,
            }
        if name == "Sequential":
            return {**data, "module": "keras", "registered_name": None, "config": self._sequential(config)}
        if isinstance(config, dict) and {"layers", "input_layers"} <= config.keys():  # a class of the program
            return {**data, "config": {**config, "layers": [self._member(item) for item in config["layers"]]}}
        if not isinstance(name, str) or not isinstance(config, dict) or "ops" in str(data.get("module")).split("."):
            return data  # operations have had their words since there were any
        return self._plain_layer({**data, "config": dict(config)}, name)

    def _member(self, item: Any) -> Any:
        return self.layer(item) if isinstance(item, dict) else item

    def _sequential(self, config: Any) -> dict:
        config = {"layers": config} if isinstance(config, list) else dict(config or {})
        layers = [self._member(item) for item in config.get("layers", [])]
        shape = self._first_shape((config.get("layers") or [None])[0]) or config.get("build_input_shape")
        if not layers or not (isinstance(shape, list) and all(n is None or isinstance(n, int) for n in shape)):
            shape = None
        if shape is not None and layers[0].get("class_name") != "InputLayer":
            dtype = layers[0]["config"].get("dtype") or "float32"
            dtype = _taken_by(layers[0]) or dtype
            source = {"batch_shape": shape, "dtype": dtype if isinstance(dtype, str) else "float32"}
            source["name"] = f"{layers[0]['config'].get('name', 'first')}_input"
            layers.insert(0, _keras_layer("InputLayer", source))
        if len(layers) > 1 and layers[0].get("class_name") == "InputLayer" and _taken_by(layers[1]) == "string":
            layers[0] = {
                **layers[0],
                "config": {**layers[0]["config"], "dtype": "string"},
            }  # Keras 2 wrote the dtype of the outputs
        return {**{k: v for k, v in config.items() if k not in ("build_input_shape", "dtype")}, "layers": layers}

    def _first_shape(self, first: Any) -> list | None:
        """The batch shape that the first layer of a chain is given, also deep in wrappers and chains."""
        while isinstance(first, dict) and isinstance(first.get("config"), (dict, list)):
            config = first["config"]
            if isinstance(config, dict) and _batch_shape(config) is not None:
                return _batch_shape(config)
            if (
                isinstance(config, dict)
                and config.get("input_dim")
                and first.get("class_name") in WITH_UNITS - _OF_ROWS
            ):
                return [None, config.get("input_length"), config["input_dim"]]
            if isinstance(config, dict) and config.get("input_dim") and first.get("class_name") in _OF_ROWS:
                return [None, config["input_dim"]]
            first = config.get("layer") if isinstance(config, dict) else config[0] if config else None
        return None

    # ------------------------------------------------------------------------ one layer

    def _plain_layer(self, data: dict, name: str) -> dict:
        config = data["config"]
        if self.major < 3 and name in builtins_of("layers"):
            data.pop("build_config", None)  # calls build them; here stand the shapes that Keras 2 built them for
        if name == "Merge":
            return self._merge(data, config)
        if name == "InputLayer":
            return {**data, "module": "keras.layers", "config": self._input(config)}
        if name.startswith("CuDNN"):
            config.update({"recurrent_activation": "sigmoid", "activation": "tanh"})
            config.update({"reset_after": True} if name == "CuDNNGRU" else {})
        self._sizes(name, config)
        new_name = _RENAMED_CLASSES.get(name, name)
        if self.major < 3:
            new_name = FORMER_NAMES.get(name, new_name)
        config = {RENAMED_IN.get((name, key), self._key(key)): value for key, value in config.items()}
        if (
            self.major < 2
            and self.order
            and new_name.endswith(("2D", "3D"))
            and "data_format" in _arguments_of(new_name)
        ):
            config.setdefault("data_format", self.order)
        if new_name == "GRU" and self.major < 3:
            config.setdefault("reset_after", False)
        if new_name in ("LSTM", "GRU") and self.major < 2:
            config.setdefault("recurrent_activation", "hard_sigmoid")
        if isinstance(config.get("axis"), list) and len(config["axis"]) == 1 and new_name == "BatchNormalization":
            config["axis"] = config["axis"][0]
        config = {key: self.value(key, value) for key, value in config.items()}
        if new_name == "BatchNormalization" and self.major < 2 and config.get("mode") == 2:
            config["axis"] = -1
        module = data.get("module") if str(data.get("module") or "").startswith("keras.layers") else None
        return {**data, "class_name": new_name, "module": module, "config": self._known(new_name, config)}

    def _key(self, key: str) -> str:
        return RENAMED_ARGUMENTS.get(key, key) if self.major < 3 else key

    def _input(self, config: dict) -> dict:
        shape = _batch_shape(config)
        dtype = config.get("dtype") or config.get("input_dtype") or "float32"
        return {"batch_shape": shape, "dtype": self.value("dtype", dtype), "name": config.get("name")}

    def _sizes(self, name: str, config: dict) -> None:
        """Arguments that Keras 1 gave in pieces."""
        if name in WITH_UNITS and "units" not in config and "output_dim" in config:
            config["units"] = config.pop("output_dim")
        if "nb_row" in config:
            config["kernel_size"] = [config["nb_row"], config["nb_col"]]
        if "kernel_dim1" in config:
            config["kernel_size"] = [config.pop(f"kernel_dim{axis}") for axis in (1, 2, 3)]
        if "dim_ordering" in config and not name.startswith("Merge"):
            config["data_format"] = "channels_first" if config["dim_ordering"] == "th" else "channels_last"
        if "forget_bias_init" in config:
            config["unit_forget_bias"] = config["forget_bias_init"] == "one"

    def _merge(self, data: dict, config: dict) -> dict:
        mode = config.get("mode")
        if not isinstance(mode, str) or mode not in _MERGES:  # by a function of the list of inputs, like a Lambda
            own = {"name": config.get("name"), "function": mode, "arguments": config.get("arguments") or {}}
            return {**data, "class_name": "Lambda", "module": "keras.layers", "config": own}
        new = {"name": config.get("name")}
        if mode == "concat":
            new["axis"] = config.get("concat_axis", -1)
        if mode in ("dot", "cos"):
            axes = config.get("dot_axes", -1)
            flat = isinstance(axes, list) and all(isinstance(axis, list) and len(axis) == 1 for axis in axes)
            new.update(axes=[axis[0] for axis in axes] if flat else axes, normalize=mode == "cos")
        return {**data, "class_name": _MERGES[mode], "module": "keras.layers", "config": new}

    def _known(self, name: str, config: dict) -> dict:
        """The arguments without those that today's class doesn't know and that say nothing."""
        cls = builtins_of("layers").get(name)
        if cls is None:
            return config
        known = _arguments_of(name)
        if config.get("time_major"):
            raise FileError(
                f"The layer {config.get('name')!r} runs over the first axis (time_major). Write the model anew with the batch "
                "first, and load the weights."
            )
        if name == "DepthwiseConv2D" and "kernel_initializer" in config:
            config.setdefault("depthwise_initializer", config["kernel_initializer"])
        if config.get("groups") not in (None, 1) and "groups" not in known:
            return config
        return {key: value for key, value in config.items() if key in known or key not in _SAY_NOTHING or key in _BASE}

    # ------------------------------------------------------------------------ values

    def value(self, key: str, value: Any) -> Any:
        """The value of an argument."""
        if isinstance(value, str):
            return self._text(key, value)
        if isinstance(value, list):
            return [self.value(key, item) for item in value]
        if not isinstance(value, dict):
            return value
        name, inner = value.get("class_name"), value.get("config")
        if value.get("type") == "ndarray" and "value" in value:
            return value["value"]
        if name == "__tuple__":
            return [self.value(key, item) for item in value.get("items", [])]
        if name in ("Policy", "PolicyV1", "DTypePolicy") and isinstance(inner, dict):
            return inner.get("name")
        if key.endswith("_regularizer") and "name" in value and "class_name" not in value:
            return {"class_name": "L1L2", "config": {"l1": value.get("l1", 0.0), "l2": value.get("l2", 0.0)}}
        if key.endswith("_constraint") and "name" in value and "class_name" not in value:
            return None  # it says nothing about a loaded model's predictions
        if key.endswith("_initializer") and isinstance(inner, dict):
            return {**value, "config": {k: v for k, v in inner.items() if k != "dtype"}}
        if isinstance(name, str) and isinstance(inner, (dict, list)) and key in _LAYERS_IN:
            return self.layer(value)
        return value

    def _text(self, key: str, value: str) -> Any:
        if value == "hard_sigmoid" and key.endswith("activation") and self.major < 3:
            return OldHardSigmoid()
        if key.endswith("_initializer") and self.major < 2:
            return INITIALIZERS.get(value, value)
        return value


def _arguments_of(name: str) -> set[str]:
    """What the constructor of one of today's layers takes."""
    cls: Any = builtins_of("layers").get(name, object)
    return {key for parent in cls.__mro__ for key in constructor_parameters(parent)}


_LAYERS_IN = {"layer", "cell", "cells", "backward_layer", "forward_layer", "activation"}
_BASE = {"name", "trainable", "dtype", "activity_regularizer"}
