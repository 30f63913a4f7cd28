"""Methods that plait's classes have while Keras programs run: those of TensorFlow, and of Keras before its third version."""

from typing import Any

from plait.compat import tensorflow_variable
from plait.compat.tensorflow_data import element_spec
from plait.compat.tensors import lend, presented
from plait.core.variable import Variable
from plait.utils.dataset import Dataset


def lend_all() -> None:
    """Lends them; `tensors.take_back` takes them back."""
    tables: list[tuple[type, dict[str, Any]]] = [
        (Variable, tensorflow_variable.METHODS),
        (Dataset, {"_present": staticmethod(presented), "element_spec": property(element_spec)}),
    ]
    for cls, methods in tables:
        for name, method in methods.items():
            lend(cls, name, method)
