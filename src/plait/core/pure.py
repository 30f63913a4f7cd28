"""Pure functions, made in one place.

`pure(function, variables)` gives `pure_function(weights, *args) -> (out, weights)`: the same function with the values
of some variables coming in, and going out again as the function left them. Everything that JAX compiles or transforms
in plait goes through it.

Verbs: `pure` for lists of values, `functional` for one model or layer and weights by path.

Life under jit: while the function runs, `Variable.value` and `assign` go to the values given here (`Scope.bindings`).
Variables that aren't listed are read and assigned where the function is called: as inputs of the program around
(`core/program`), or as they are stored. Under a `jit` of the caller's own their stored values become constants, and
assigning them is an error.

What it is not: a copy of a model. The weights of a model and those of its pure function are separate from then on.

Differs from Keras: `stateless_call` there takes trainable and non-trainable values as two lists; plait has that too
(`Layer.stateless_call`), on top of this.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plait.common.messages import did_you_mean, listing, raise_all
from plait.common.scope import current, scope
from plait.core.variable import Stateful, Variable
from plait.errors import ArgumentError


def pure(function: Callable, variables: Sequence[Variable], carries: bool = True) -> Callable:
    """A pure function from one that reads and assigns variables.

    Args:
        function: any function.
        variables: the variables whose values come in and go out.
        carries: whether assignments to other variables are carried out; otherwise they are dropped.

    Raises:
        StateError: an assignment to another variable of a value that is traced by the caller's own `jit`.

    >>> v = Variable(1.0)
    >>> counted = pure(lambda x: x * v.assign_add(1.0), [v])
    >>> out, (after,) = counted([10.0], 2.0)
    >>> float(out), float(after), float(v)
    (22.0, 11.0, 1.0)
    """

    def pure_function(weights: Sequence, *args: Any, **kwargs: Any) -> tuple[Any, list]:
        if len(weights) != len(variables):
            raise ArgumentError(f"A pure function of {len(variables)} variables got {len(weights)} values for them.")
        before = dict(current().bindings or {})
        before.update((v, w.value if isinstance(w, Variable) else w) for v, w in zip(variables, weights, strict=True))
        bindings = dict(before)
        with scope(bindings=bindings):
            out = function(*args, **kwargs)
        after = [bindings.pop(variable) for variable in variables]
        for variable, value in bindings.items() if carries else ():
            if value is not before.get(variable):
                variable.assign(value)
        return out, after

    return pure_function


def functional(layer: Stateful, return_state: bool = False) -> tuple[Callable, dict[str, Any]]:
    """A model or layer as a plain JAX function and its weights, for jit, grad, vmap and Optax.

    Args:
        layer: a model or layer that has been built.
        return_state: whether the function also returns the weights as the call left them (moving statistics).

    Returns:
        `(fn, weights)`: `fn(weights, *args, **kwargs)` computes what the layer computes, with the weights
        `{path: array}` in place of its own. `fn(...)` returns the outputs, or `(outputs, weights)`.

    Raises:
        ArgumentError: from `fn`: weights that are missing, or that the layer doesn't have.
    """
    variables = by_path(layer.variables)
    inner_metrics = getattr(layer, "metrics_variables", [])  # these see what a call measures, but it isn't handed out
    listed = set(variables.values())
    measured = [variable for variable in inner_metrics if variable not in listed]
    call = pure(layer, [*variables.values(), *measured])  # type: ignore[arg-type]

    def fn(weights: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        _check_paths(weights, variables)
        out, after = call([*(weights[path] for path in variables), *measured], *args, **kwargs)
        return (out, dict(zip(variables, after, strict=False))) if return_state else out

    return fn, {path: variable.value for path, variable in variables.items()}


def by_path(variables: Sequence[Variable]) -> dict[str, Variable]:
    """Variables by path; where two have the same path, the later ones get a number."""
    named: dict[str, Variable] = {}
    for variable in variables:
        path, count = variable.path, 0
        while path in named:
            count += 1
            path = f"{variable.path}_{count}"
        named[path] = variable
    return named


def _check_paths(weights: Mapping[str, Any], variables: Mapping[str, Variable]) -> None:
    problems = [f"{path!r} is missing" for path in variables if path not in weights]
    problems += [f"{p!r} is not one of them.{did_you_mean(p, variables)}" for p in weights if p not in variables]
    raise_all(ArgumentError, f"The weights of this function are {listing(variables)}", problems)
