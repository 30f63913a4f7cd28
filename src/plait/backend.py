"""The few functions that scripts take from `keras.backend`."""

from plait.common.dtypes import dtype_name, is_float, is_integer
from plait.common.dtypes import result_type as result_type
from plait.common.names import next_number
from plait.common.scope import name_scope as name_scope
from plait.config import backend as backend
from plait.config import epsilon as epsilon
from plait.config import floatx as floatx
from plait.config import image_data_format as image_data_format
from plait.config import set_epsilon as set_epsilon
from plait.config import set_floatx as set_floatx
from plait.config import set_image_data_format as set_image_data_format
from plait.core.tensor import is_keras_tensor as is_keras_tensor
from plait.utils.session import clear_session as clear_session

get_uid = next_number
is_float_dtype = is_float
is_int_dtype = is_integer
standardize_dtype = dtype_name

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "name_scope",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]
