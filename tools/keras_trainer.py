"""What Keras's tests of its trainer mix into a layer, made of plait's Model; `tools/keras_mapping.py` puts it in.

In Keras the trainer is a class of its own beside the layer: `class ExampleModel(JAXTrainer, layers.Dense)`. In plait
what trains is a Model, so such a class is a Model here, whose call, build and config are those of the layer beside it.
"""

from typing import Any

from plait import Model
from plait.models.calls import Calls

_OF_THE_LAYER = ("call", "build", "get_config", "compute_output_shape", "compute_output_spec")


class JAXTrainer(Model):
    """The methods of a model that train, for a class that is a layer already."""

    def __init__(self) -> None:
        self._calls = Calls(self)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        beside = [base for base in cls.__mro__ if base not in Model.__mro__ and base is not JAXTrainer]
        for name in _OF_THE_LAYER:
            for base in beside:
                if name in vars(base):
                    if base is not cls:
                        setattr(cls, name, vars(base)[name])
                    break
