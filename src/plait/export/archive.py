"""ExportArchive: several endpoints in one SavedModel, as Keras's class of that name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from plait._long_work import LongWork
from plait.common.messages import describe
from plait.core.variable import Variable
from plait.errors import ArgumentError, StateError
from plait.export.endpoint import Endpoint, endpoint, endpoint_of_model
from plait.export.saved_model import write_saved_model
from plait.layers.ownership import unique


class ExportArchive:
    """Collects functions to be served, and writes them as a TensorFlow SavedModel.

    Args:
        format: `"saved_model"`.

    Raises:
        ArgumentError: another format.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((3,)), plait.layers.Dense(2)])
    >>> archive = ExportArchive()
    >>> archive.track(model)
    >>> endpoint = archive.add_endpoint("serve", model.call, [plait.InputSpec(shape=(None, 3), dtype="float32")])
    >>> [variable.name for variable in archive.variables]
    ['kernel', 'bias']
    """

    def __init__(self, format: str = "saved_model"):
        if format != "saved_model":
            raise ArgumentError(f"ExportArchive: the format must be 'saved_model', but got format={format!r}.")
        self._endpoints: list[tuple[Endpoint, dict]] = []
        self._tracked: list[Any] = []
        self._collections: dict[str, list[Variable]] = {}

    def track(self, resource: Any) -> None:
        """Takes the variables of a layer or model along.

        Raises:
            ArgumentError: something without variables.
            StateError: it isn't built.
        """
        if not hasattr(resource, "variables"):
            raise ArgumentError(f"ExportArchive: layers and models can be tracked, but got {describe(resource)}.")
        if not getattr(resource, "built", True):
            raise StateError(
                f"ExportArchive: the layer {resource.name!r} isn't built. Build it before exporting it, or call it on data."
            )
        self._tracked.append(resource)

    @property
    def variables(self) -> list[Variable]:
        """The variables of all that is tracked."""
        return unique(variable for resource in self._tracked for variable in resource.variables)

    @property
    def trainable_variables(self) -> list[Variable]:
        """Those that training changes."""
        return [variable for variable in self.variables if variable.trainable]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The others."""
        return [variable for variable in self.variables if not variable.trainable]

    def add_endpoint(self, name: str, fn: Callable, input_signature: Any = None, **kwargs: Any) -> Callable:
        """Adds a function under a name.

        Args:
            name: what it is called in the archive.
            fn: a function of arrays. Variables of what is tracked stay variables; others become constants.
            input_signature: for each argument a spec, or a structure of them.
            is_static: has no effect: what a call changes is never carried on.
            jax2tf_kwargs: options of `jax2tf.convert`.

        Returns:
            the function, of its arguments.

        Raises:
            ArgumentError: a name that is taken, no signature, other options.
        """
        owner = getattr(fn, "__self__", None)
        if hasattr(owner, "variables") and hasattr(owner, "built") and owner not in self._tracked:
            self.track(owner)
        return self._add(endpoint(name, fn, self.variables, input_signature), kwargs)

    def track_and_add_endpoint(self, name: str, resource: Any, input_signature: Any = None, **kwargs: Any) -> Callable:
        """Tracks a layer or model, and adds its call for inference."""
        self.track(resource)
        return self._add(endpoint_of_model(name, resource, input_signature), kwargs)

    def _add(self, made: Endpoint, kwargs: dict) -> Callable:
        kwargs.pop("is_static", None)
        jax2tf_kwargs = kwargs.pop("jax2tf_kwargs", None) or {}
        if kwargs:
            raise ArgumentError(f"ExportArchive: unknown options of the endpoint {made.name!r}: {list(kwargs)}.")
        if any(made.name == known.name for known, _ in self._endpoints):
            raise ArgumentError(
                f"ExportArchive: an endpoint is called {made.name!r} already. Give this one another name."
            )
        self._endpoints.append((made, jax2tf_kwargs))
        return made.__call__

    def add_variable_collection(self, name: str, variables: Sequence[Variable]) -> None:
        """Adds variables that the loaded object has under a name.

        Raises:
            ArgumentError: something else than variables.
        """
        wrong = [variable for variable in variables if not isinstance(variable, Variable)]
        if wrong:
            raise ArgumentError(
                f"ExportArchive: a collection is made of variables, but {describe(wrong[0])} is among them."
            )
        self._collections[name] = list(variables)

    def write_out(self, filepath: Any, options: Any = None, verbose: Any = True) -> None:
        """Writes the archive; whole or not at all.

        Args:
            filepath: the folder.
            options: TensorFlow's `SaveOptions`.
            verbose: whether to say what was written.

        Raises:
            StateError: there are no endpoints.
            ImportError: TensorFlow isn't installed.
        """
        if not self._endpoints:
            raise StateError("ExportArchive: No endpoints have been set yet. Call add_endpoint().")
        path = Path(filepath)
        with LongWork(f"Exporting {path.name}", verbose=0 if not verbose else "auto"):
            write_saved_model(self._endpoints, self._collections, path, options)
        if verbose:
            names = ", ".join(repr(made.name) for made, _ in self._endpoints)
            print(f"Saved artifact at '{path}'. The following endpoints are available: {names}")
