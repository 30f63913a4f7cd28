"""What training needs of a model, written down.

`TrainedModel` is all that the files of this folder may touch of a model; pyright holds them to it. Names that Keras has are
public. The others begin with an underscore: a public one could not be an attribute of a user's subclass any more.

What it is not: a class to inherit from. `models/model.Model` has these attributes, and so has whatever else is to be trained.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from plait.core.graph import Graph
from plait.core.program import Program
from plait.core.variable import Variable


class CompiledCalls(Protocol):
    """The compiled calls of a model."""

    def build(self, args: tuple, kwargs: dict) -> None:
        """Makes the weights, where there are none yet, for arrays like these."""
        ...

    def program(self, training: bool | None) -> Program:
        """The compiled call."""
        ...

    def kept(self, key: Any, make: Callable[[], Callable]) -> Program:
        """The program of a key, made where there is none."""
        ...


class TrainedModel(Protocol):
    """A model, as training sees it."""

    name: str
    built: bool
    optimizer: Any
    _history: Any
    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    run_eagerly: bool
    steps_per_execution: int | None
    _compilation: Any
    _trainer: Any
    _graph: Graph | None

    # ------------------------------------------------------------------------ variables

    @property
    def variables(self) -> list[Variable]:
        """All of them, the states of random generators among them."""
        ...

    @property
    def weights(self) -> list[Variable]:
        """Those without the states of random generators."""
        ...

    @property
    def trainable_variables(self) -> list[Variable]:
        """Those that training changes."""
        ...

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Those that it leaves alone."""
        ...

    @property
    def metrics_variables(self) -> list[Variable]:
        """Those of the metrics."""
        ...

    def get_weights(self) -> list:
        """The weights' values, as NumPy arrays."""
        ...

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Stores values in the weights."""
        ...

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, dict]:
        """The values of all variables, nested by path."""
        ...

    def set_state_tree(self, state_tree: Any) -> None:
        """Assigns the values of such a tree."""
        ...

    # ------------------------------------------------------------------------ computing

    @property
    def _calls(self) -> CompiledCalls: ...

    @property
    def _part_on_host(self) -> Any: ...

    def _fit_on_host(self, x: Any) -> Any: ...

    @property
    def _has_integers(self) -> bool: ...

    @property
    def losses(self) -> list:
        """What layers added to the loss, and the regularisation."""
        ...

    def regularization_losses(self) -> list:
        """The regularisation of the trainable weights."""
        ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs for inputs."""
        ...

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation as the class defines it."""
        ...

    def stateless_call(
        self, trainable_variables: Sequence, non_trainable_variables: Sequence, *args: Any, **kwargs: Any
    ) -> tuple:
        """The outputs for values of the variables, and the values after the call."""
        ...

    def _flatten_layers(self) -> list[Any]: ...

    def opened_graph(self) -> Graph:
        """The graph with inner models opened."""
        ...

    @property
    def input_names(self) -> list[str]:
        """The inputs' names, flat."""
        ...

    @property
    def output_names(self) -> list[str]:
        """The outputs' names, flat."""
        ...

    def select_inputs(self, x: Any) -> Any:
        """The part of some data that the model knows."""
        ...

    def on_host(self, x: Any) -> Any:
        """Data after what the model computes on the host (text)."""
        ...

    def ordered_inputs(self, x: Any) -> list:
        """Data in the order of the graph's inputs."""
        ...

    # ------------------------------------------------------------------------ steps

    def _needs_compile(self) -> Any: ...

    def _run_part(self, x: Any, part: Any) -> Any: ...

    def _run_parted(self, x: Any, parting: Any) -> Any: ...

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """The number that training minimises."""
        ...

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict:
        """Updates the metrics, and returns their results."""
        ...

    def train_step(self, state: Any, data: Any = ...) -> Any:
        """A step of training as a pure function, or on the variables."""
        ...

    def test_step(self, state: Any, data: Any = ...) -> Any:
        """A step of evaluation as a pure function, or on the variables."""
        ...

    def predict_step(self, state: Any, data: Any = ...) -> Any:
        """The outputs of a batch as a pure function, or with the variables as they are."""
        ...

    @property
    def metrics(self) -> list:
        """The metrics."""
        ...

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns."""
        ...

    def get_metrics_result(self) -> dict:
        """The metrics' results by name."""
        ...

    def reset_metrics(self) -> None:
        """Starts the metrics afresh."""
        ...
