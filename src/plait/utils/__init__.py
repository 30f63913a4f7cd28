"""Small things that scripts need beside models."""

from plait._dtypes import dtype_name as standardize_dtype
from plait._registry import custom_object_scope as CustomObjectScope
from plait._registry import custom_object_scope as custom_object_scope
from plait._registry import custom_objects as get_custom_objects
from plait._registry import deserialize as deserialize_keras_object
from plait._registry import register_keras_serializable as register_keras_serializable
from plait._registry import registered_name as get_registered_name
from plait._registry import serialize as serialize_keras_object
from plait.core.tensor import is_keras_tensor as is_keras_tensor
from plait.random import set_random_seed as set_random_seed
from plait.training.data.source import pack as pack_x_y_sample_weight
from plait.training.data.source import unpack as unpack_x_y_sample_weight
from plait.utils.arrays import constant as constant
from plait.utils.arrays import normalize as normalize
from plait.utils.arrays import to_categorical as to_categorical
from plait.utils.session import clear_session as clear_session
from plait.utils.session import version as version

__all__ = [
    "CustomObjectScope",
    "clear_session",
    "constant",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "is_keras_tensor",
    "normalize",
    "pack_x_y_sample_weight",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "standardize_dtype",
    "to_categorical",
    "unpack_x_y_sample_weight",
    "version",
]
