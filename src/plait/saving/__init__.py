"""Files: Keras 3's own formats, written whole or not at all, read without running code."""

from plait.saving.editor import KerasFileEditor as KerasFileEditor
from plait.saving.model_file import load_model as load_model
from plait.saving.model_file import save_model as save_model
from plait.saving.model_json import model_from_json as model_from_json
from plait.saving.model_json import to_json as to_json
from plait.saving.objects import CustomObjectScope as CustomObjectScope
from plait.saving.objects import custom_object_scope as custom_object_scope
from plait.saving.objects import deserialize_keras_object as deserialize_keras_object
from plait.saving.objects import get_custom_objects as get_custom_objects
from plait.saving.objects import get_registered_name as get_registered_name
from plait.saving.objects import get_registered_object as get_registered_object
from plait.saving.objects import register_keras_serializable as register_keras_serializable
from plait.saving.objects import serialize_keras_object as serialize_keras_object
from plait.saving.report import LoadReport as LoadReport
from plait.saving.weights_file import load_weights as load_weights
from plait.saving.weights_file import save_weights as save_weights

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "LoadReport",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "model_from_json",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
    "to_json",
]
