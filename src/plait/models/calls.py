"""The compiled calls of one model: what `model(x)`, `predict` and `predict_on_batch` run.

    Model.__call__ -> Calls.run -> Program (core/program), one for each value of `training`

A program is kept as long as the settings that it was traced with are the same (`core/constants`).

Verbs: `run` calls, `program` hands a program out, `build` makes the weights of a model that has none yet.

Life under jit: the model's `call` is traced as it is; losses that layers add come out beside the outputs.

What it is not: part of a copy. A copied or pickled model begins with none.
"""

import threading
from collections.abc import Callable
from typing import Any

from plait.common.scope import BY_LAYER, current, scope
from plait.common.tree import map_structure_in_order
from plait.core.constants import Constants
from plait.core.infer import infer
from plait.core.program import Program
from plait.core.tensor import KerasTensor
from plait.core.traces import Traces
from plait.distribution.placement import lay_out_whole
from plait.layers.base import Layer
from plait.layers.ownership import unique

_building = threading.RLock()  # threads that meet at a model's first call make its weights once


class Calls:
    """The compiled calls of one model.

    Args:
        model: the model.
    """

    def __init__(self, model: Any):
        self._model = model
        self._programs: dict[Any, Program] = {}
        self._constants: Constants | None = None
        self._traces = Traces()

    def __getstate__(self) -> dict:
        """The model alone: programs belong to its variables and to this process."""
        return {"_model": self._model}

    def __setstate__(self, state: dict) -> None:
        type(self).__init__(self, state["_model"])

    def run(self, args: tuple, kwargs: dict) -> Any:
        """The outputs for arrays."""
        self.build(args, kwargs)
        training = kwargs.pop("training", None) if "training" in kwargs else None
        program = self.program(current().training if training is None else training)
        traced = program.traced
        outputs, losses = program(*args, **kwargs)
        if program.traced != traced and self._constants is not None:
            self._constants.refresh()
        if losses:
            self._take_losses(losses)
        return outputs

    def build(self, args: tuple, kwargs: dict) -> None:
        """Makes the weights of a model that has none yet, by tracing a call on specs."""
        if self._is_built():
            return
        with _building:
            if not self._is_built():
                args, kwargs = map_structure_in_order(_spec_of, [list(args), kwargs])
                infer(self._call, tuple(args), kwargs)

    def _is_built(self) -> bool:
        model = self._model
        return model.built and (model._graph is not None or model._called)

    def program(self, training: bool | None) -> Program:
        """The compiled call; from the arguments of the call to its outputs, and to what `add_loss` got by layer."""
        if self._constants is None or self._constants.changed():
            self._constants = Constants([self._model])
            self._programs.clear()
        return self.kept(training, lambda: self._traceable(training))

    def kept(self, key: Any, make: Callable[[], Callable]) -> Program:
        """The program of a key; of the function that `make` makes, where there is none yet. Ask `program` first."""
        program = self._programs.get(key)
        if program is None:
            model = self._model
            in_layers = [variable for metric in model._metrics_for_owner for variable in metric.variables]
            variables, owner = unique([*model.variables, *in_layers]), f"Model {model.name!r}"
            program = self._programs[key] = Program(make(), variables, owner=owner, traces=self._traces)
        return program

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        """The call as a layer's: recorded, or run layer by layer."""
        return Layer.__call__(self._model, *args, **kwargs)

    def _traceable(self, training: bool | None) -> Callable:
        given = {} if training is None else {"training": training}

        def run(*args: Any, **kwargs: Any) -> tuple[Any, dict[int, list]]:
            layers = self._model._flatten_layers()
            before = [list(layer._losses) for layer in layers]
            self._model._clear_losses()
            try:
                with scope(losses=BY_LAYER):
                    outputs = lay_out_whole(self._call(*args, **kwargs, **given))
                return outputs, {index: list(layer._losses) for index, layer in enumerate(layers) if layer._losses}
            finally:
                for layer, losses in zip(layers, before, strict=True):
                    layer._losses[:] = losses

        return run

    def _take_losses(self, losses: dict[int, list]) -> None:
        """Gives layers what their `add_loss` got in a call, in place of what it got in the one before."""
        layers, collected = self._model._flatten_layers(), current().losses
        if collected is None:
            self._model._clear_losses()
        for index, values in losses.items():
            (layers[index]._losses if collected is None or collected is BY_LAYER else collected).extend(values)


def _spec_of(value: Any) -> Any:
    if not hasattr(value, "shape"):
        return value
    return KerasTensor((None, *value.shape[1:]) if value.shape else (), value.dtype)
