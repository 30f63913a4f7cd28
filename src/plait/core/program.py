"""Programs: compiled functions that take in every variable they read.

A `Program` is a Python function, compiled. While it is traced, each variable that it reads and doesn't take in yet, whoever
owns it, is noted by a `Finder` in the scope; then it is traced once more with that variable as an input. So a value that is
assigned between two calls is seen by the second one: nothing that can be assigned is ever a constant of a program. What
the function assigns comes out, and is put into the variables when the program has been started.

Verbs: calling it; `repeat` is a loop inside of one, which hands on from step to step what its body assigns.

Life under jit: this is where it begins. A function that looks at a variable's value (`float(v)`) can't have it as an input;
it keeps it as a constant, and is traced again when it has another value.

What it is not: a place that knows models, layers or training. It decides three things for all of them: how values of
variables come in, how they go out, and that nobody's array is destroyed while it is read (`core/cell`). Settings are
`core/constants`.

Differs from Keras: there, a trainer lists the variables that a step may read; others are constants, whatever is assigned.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.extend.core import take_current_trace

from plait.common.scope import current, scope
from plait.core.cell import Reader, looked_at, put
from plait.core.traces import Traces
from plait.core.variable import Variable, is_observed, newest_serial, observed, values_of
from plait.errors import StateError

NOT_TRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


_MOST_ROUNDS = 6  # a function that makes variables anew each time it is traced would be traced for ever


class Finder:
    """Notes which variables a program reads and assigns while it is traced.

    Args:
        carried: variables that the loops of the program hand on.
        looked_at: variables whose values the program keeps as constants.
        newest: the serial of the youngest variable that counts; None for all.
    """

    def __init__(self, carried: Iterable[Variable], looked_at: dict[Variable, tuple], newest: int | None = None):
        self.carried, self._looked_at, self._newest = list(carried), looked_at, newest
        self.missing: dict[Variable, None] = {}
        self.assigned: dict[Variable, None] = {}
        self.uncarried: list[Variable] = []
        self.looped = False

    def reads(self, variable: Variable) -> None:
        """A variable that is no input was read."""
        if variable in self._looked_at:
            self._looked_at[variable] = _looked_at(variable)
        elif self._newest is None or variable.serial <= self._newest:
            self.missing[variable] = None

    def assigns(self, variable: Variable) -> None:
        """A variable was assigned."""
        self.assigned[variable] = None


class _Incomplete(Exception):
    """The trace read variables that weren't inputs: it is thrown away, and made again with these."""

    def __init__(self, finder: Finder):
        super().__init__()
        self.finder = finder


class Program:
    """A compiled function of arrays that may read and assign any variables.

    Args:
        function: the function.
        variables: those that it is known to read; the others are found.
        donates: whether the arrays of its first argument are destroyed, their memory going to the results.
        compiles: whether it is compiled; otherwise it runs as plain Python, for debugging.
        owner: whose it is, for warnings: "Model 'a'".
        kind: what it does, likewise: "call".
        traces: what counts how often it is compiled; None makes a counter.

    >>> import jax.numpy as jnp
    >>> factor, count = Variable(2.0), Variable(0)
    >>> def scale(x):
    ...     count.assign_add(1)
    ...     return x * factor
    >>> program = Program(scale)
    >>> float(program(jnp.ones(()))), float(factor.assign(3.0)), float(program(jnp.ones(()))), int(count)
    (2.0, 3.0, 3.0, 2)
    """

    def __init__(
        self,
        function: Callable,
        variables: Sequence[Variable] = (),
        donates: bool = False,
        compiles: bool = True,
        owner: str = "A program",
        kind: str = "call",
        traces: Traces | None = None,
    ):
        self.function, self.owner, self.kind = function, owner, kind
        self.traced = 0  # how often
        self._traces = Traces() if traces is None else traces
        self._donates, self._compiles = donates, compiles
        self._carried: dict[Variable, None] = {}
        self._looked_at: dict[Variable, tuple] = {}
        self._by_serial: dict[int, Variable] = {}
        self._rounds = 0  # of a call that finds variables
        self._compile(variables)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs it, and puts what it assigns into the variables. Inside of another program it is part of that."""
        if current().bindings is not None:
            return self.function(*args, **kwargs)
        if not self._compiles:
            return self._run_plainly(args, kwargs)
        if self._looked_at and self._looks_otherwise():
            self._compile(self._reader.variables)
        found: list[Variable] = []
        self._rounds = 0
        while True:
            reader, compiled = self._reader, self._compiled
            values, cells = reader.begin() if reader.variables else ([], [])
            try:
                if values and is_observed():
                    values = [variable.value for variable in reader.variables]
                if self._donates:
                    outputs, changed = compiled(values, args[0], args[1:], kwargs)
                else:
                    outputs, changed = compiled(values, args, kwargs)
                break
            except _Incomplete as incomplete:
                found = self._take_in(incomplete.finder)
                self._rounds += 1
            except Exception as error:
                if not found or not looks_at_a_value(error):
                    raise
                # It looks at the values of some that were found: these stay constants, watched from here on.
                self._looked_at |= {variable: _looked_at(variable) for variable in found}
                self._compile([v for v in reader.variables if v not in self._looked_at])
                found = []
            finally:
                if cells:
                    Reader.end(cells)
                if self._traces.under_way:
                    self._traces.ended()
        if changed:
            self._put(changed)
        return outputs

    def _looks_otherwise(self) -> bool:
        """Whether a value that the program keeps is another one now; the same one may lie in a new array."""
        for variable, (array, kept) in self._looked_at.items():
            if _stored(variable) is not array:
                self._looked_at[variable] = now = _looked_at(variable)
                if now[1] != kept:
                    return True
        return False

    def _run_plainly(self, args: tuple, kwargs: dict) -> Any:
        before = {variable: variable.value for variable in self._reader.variables}
        bindings = dict(before)
        with scope(bindings=bindings):
            outputs = values_of(self.function(*args, **kwargs))
        for variable, value in bindings.items():
            if value is not before.get(variable):
                variable.assign(value)
        return outputs

    def _compile(self, variables: Sequence[Variable]) -> None:
        """Begins with a new compiled function, of these variables; one that is running meanwhile keeps its own."""
        reader = self._reader = Reader(variables)
        known = frozenset(reader.variables)

        def run(values: list, args: tuple, kwargs: dict) -> tuple:
            return self._run(reader.variables, known, values, args, kwargs)

        def run_destroying(values: list, first: Any, rest: tuple, kwargs: dict) -> tuple:
            return self._run(reader.variables, known, values, (first, *rest), kwargs)

        traced = run_destroying if self._donates else run
        traced.__name__ = f"plait_{self.kind}"  # as profiles and JAX's logs call it
        self._compiled: Any = jax.jit(traced, donate_argnums=(1,) if self._donates else ())

    def _run(self, variables: list, known: frozenset, values: list, args: tuple, kwargs: dict) -> tuple:
        """Runs the function with values bound: what is traced."""
        self.traced += 1
        self._traces.note(self.owner, self.kind, [list(args), kwargs] if kwargs else list(args))
        newest = None if self._rounds < _MOST_ROUNDS else newest_serial()
        finder = Finder(self._carried, self._looked_at, newest)
        before = dict(zip(variables, values, strict=True))
        bindings = dict(before)
        with scope(bindings=bindings, finder=finder):
            outputs = values_of(self.function(*args, **kwargs))
        if finder.looped:
            finder.uncarried = [v for v in finder.assigned if v in known and v not in self._carried]
        if finder.missing or finder.uncarried:
            raise _Incomplete(finder)
        changed = {}
        for variable, value in bindings.items():
            if value is not before.get(variable):
                changed[variable.serial] = _outliving(variable, value)
                self._by_serial[variable.serial] = variable
        return outputs, changed

    def _take_in(self, finder: Finder) -> list[Variable]:
        """Makes inputs of the variables that a trace found."""
        found = list(finder.missing)
        self._carried |= dict.fromkeys([*finder.uncarried, *(v for v in found if v in finder.assigned)])
        self._compile(list(dict.fromkeys([*self._reader.variables, *found])))
        return found

    def _put(self, changed: dict[int, Any]) -> None:
        for serial, value in changed.items():
            variable, value = self._by_serial[serial], observed(value)
            if isinstance(value, Tracer):
                raise StateError(
                    f"{self.owner}: this call changes state (Variable '{variable.path}') inside a function that JAX is tracing. Use "
                    "plait.functional(model, return_state=True), which returns it."
                )
            put(variable, value, shared=False)


def _stored(variable: Variable) -> Any:
    return variable._cell.tree[variable._index]


def _looked_at(variable: Variable) -> tuple[Any, bytes]:
    """A value that a program keeps: its array, and what it holds."""
    with looked_at(variable) as value:
        return value, np.asarray(value).tobytes()


def looks_at_a_value(error: BaseException | None) -> bool:
    """Whether a function failed because it needs a number where a trace has none; others may have wrapped the error."""
    while error is not None:
        if isinstance(error, NOT_TRACEABLE):
            return True
        error = error.__cause__ or error.__context__
    return False


def _outliving(variable: Variable, value: Any) -> Any:
    """An assigned value, which must belong to the trace that is to return it.

    Raises:
        StateError: it was assigned inside a JAX transformation, and did not come out of it.
    """
    with take_current_trace() as here:
        pass
    if isinstance(value, Tracer) and value._trace is not here and not is_observed():
        raise StateError(
            f"Variable '{variable.path}' is assigned inside a function that JAX transforms (grad, vmap, scan, checkpoint), so its "
            "new value would be lost. Return the value from that function, and assign it outside."
        )
    return value


def repeat(first: Any, end: Any, body: Callable, carry: Any) -> Any:
    """A loop `carry = body(index, carry)` inside a program; what the body assigns goes on to the next round.

    Args:
        first: the first index.
        end: the one after the last; may be traced.
        body: from an index and a carry to a carry of the same form.
        carry: arrays in any structure.
    """
    finder = current().finder
    carried = []
    if finder is not None:
        finder.looped, carried = True, [v for v in finder.carried if v in current().bindings]

    def run(index: Any, both: tuple) -> tuple:
        inner, values = both
        bindings = {**(current().bindings or {}), **dict(zip(carried, values, strict=True))}
        with scope(bindings=bindings):
            inner = body(index, inner)
        return inner, [_outliving(variable, bindings[variable]) for variable in carried]

    carry, values = lax.fori_loop(first, end, run, (carry, [variable.value for variable in carried]))
    for variable, value in zip(carried, values, strict=True):
        variable.assign(value)
    return carry
