"""Small things that scripts need beside models."""

from plait.common.dtypes import dtype_name as standardize_dtype
from plait.config import disable_interactive_logging as disable_interactive_logging
from plait.config import enable_interactive_logging as enable_interactive_logging
from plait.config import is_interactive_logging_enabled as is_interactive_logging_enabled
from plait.core.tensor import is_keras_tensor as is_keras_tensor
from plait.features.space import FeatureSpace as FeatureSpace
from plait.inspect.profile import profile as profile
from plait.random import set_random_seed as set_random_seed
from plait.saving.objects import CustomObjectScope as CustomObjectScope
from plait.saving.objects import custom_object_scope as custom_object_scope
from plait.saving.objects import deserialize_keras_object as deserialize_keras_object
from plait.saving.objects import get_custom_objects as get_custom_objects
from plait.saving.objects import get_registered_name as get_registered_name
from plait.saving.objects import get_registered_object as get_registered_object
from plait.saving.objects import register_keras_serializable as register_keras_serializable
from plait.saving.objects import serialize_keras_object as serialize_keras_object
from plait.training.data import PyDataset as PyDataset
from plait.training.data import PyDataset as Sequence
from plait.training.data.source import pack as pack_x_y_sample_weight
from plait.training.data.source import unpack as unpack_x_y_sample_weight
from plait.utils import bounding_boxes as bounding_boxes
from plait.utils import legacy as legacy
from plait.utils.arrays import constant as constant
from plait.utils.arrays import normalize as normalize
from plait.utils.arrays import to_categorical as to_categorical
from plait.utils.config import Config as Config
from plait.utils.dataset import Dataset as Dataset
from plait.utils.dataset_from_directory import audio_dataset_from_directory as audio_dataset_from_directory
from plait.utils.dataset_from_directory import image_dataset_from_directory as image_dataset_from_directory
from plait.utils.dataset_from_directory import text_dataset_from_directory as text_dataset_from_directory
from plait.utils.download import get_file as get_file
from plait.utils.image import array_to_img as array_to_img
from plait.utils.image import img_to_array as img_to_array
from plait.utils.image import load_img as load_img
from plait.utils.image import save_img as save_img
from plait.utils.model_plot import model_to_dot as model_to_dot
from plait.utils.model_plot import plot_model as plot_model
from plait.utils.progress import Progbar as Progbar
from plait.utils.sequence import pad_sequences as pad_sequences
from plait.utils.session import clear_session as clear_session
from plait.utils.session import version as version
from plait.utils.source_inputs import get_source_inputs as get_source_inputs
from plait.utils.split import split_dataset as split_dataset
from plait.utils.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array

__all__ = [
    "Config",
    "CustomObjectScope",
    "Dataset",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "bounding_boxes",
    "clear_session",
    "constant",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "legacy",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "profile",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
    "version",
]
