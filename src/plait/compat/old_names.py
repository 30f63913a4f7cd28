"""Names and modules that Keras dropped, and what they are here."""

from typing import Any

from plait import layers, losses, metrics
from plait.compat import old_arguments, old_estimators
from plait.compat.old_backend import OLD_BACKEND
from plait.compat.old_images import Batches, ImageDataGenerator
from plait.compat.old_text import (
    TimeseriesGenerator,
    Tokenizer,
    hashing_trick,
    make_sampling_table,
    one_hot,
    skipgrams,
    text_to_word_sequence,
    tokenizer_from_json,
)
from plait.compat.tensorflow_places import refused

_SHORT = {
    "KLD": "kl_divergence",
    "MAE": "mean_absolute_error",
    "MAPE": "mean_absolute_percentage_error",
    "MSE": "mean_squared_error",
    "MSLE": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}
_OF_BOTH = {name: getattr(losses, ours) for name, ours in _SHORT.items()}


class Reduction:
    """What was the reduction of a loss; today a string."""

    AUTO = "sum_over_batch_size"
    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"


def cosine_proximity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of labels and outputs, negative."""
    return losses.cosine_similarity(y_true, y_pred, axis)


def _turned(x: Any, rg: float, *_: Any, fill_mode: str = "nearest", cval: float = 0.0, **axes: Any) -> Any:
    """A picture turned by up to so many degrees."""
    return ImageDataGenerator(rotation_range=rg, fill_mode=fill_mode, cval=cval).random_transform(x)


_TEXT: dict[str, Any] = {
    "Tokenizer": Tokenizer,
    "hashing_trick": hashing_trick,
    "one_hot": one_hot,
    "text_to_word_sequence": text_to_word_sequence,
    "tokenizer_from_json": tokenizer_from_json,
}
NAMES: dict[str, dict[str, Any]] = {
    "backend": OLD_BACKEND,
    "layers": {
        "CuDNNGRU": layers.GRU,
        "CuDNNLSTM": layers.LSTM,
        "Merge": old_arguments.merge,
        "TFSMLayer": refused(
            "keras.layers.TFSMLayer", "A SavedModel runs in TensorFlow only; load the model's own file."
        ),
        "TorchModuleWrapper": refused("keras.layers.TorchModuleWrapper", "Use layers.JaxLayer, or a Lambda."),
        "merge": old_arguments.merge,
    },
    "losses": {**_OF_BOTH, "Reduction": Reduction, "cosine_proximity": cosine_proximity},
    "metrics": {**_OF_BOTH, "cosine_proximity": cosine_proximity, "Accuracy": metrics.Accuracy},
    "preprocessing.image": {
        "DirectoryIterator": Batches,
        "ImageDataGenerator": ImageDataGenerator,
        "Iterator": Batches,
        "NumpyArrayIterator": Batches,
        "random_rotation": _turned,
    },
    "preprocessing.sequence": {
        "TimeseriesGenerator": TimeseriesGenerator,
        "make_sampling_table": make_sampling_table,
        "skipgrams": skipgrams,
    },
    "preprocessing.text": _TEXT,
    "utils": {"multi_gpu_model": refused("keras.utils.multi_gpu_model", "Use keras.distribution.DataParallel.")},
    "wrappers.scikit_learn": {
        "KerasClassifier": old_estimators.KerasClassifier,
        "KerasRegressor": old_estimators.KerasRegressor,
    },
}


def find(path: str, name: str) -> Any:
    """What an old name is, by the path of its module without the root; None where it is nothing."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        table = NAMES.get(".".join(parts[:count]), {})
        if name in table:
            return table[name]
    return None
