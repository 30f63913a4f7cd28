"""What all optimizers are inside: variables for some weights, an order for them, and one pure function.

An `Updater` makes a `Plan` (`plan.py`) out of its options, its rule and its slots, and the plan is all that a step reads.
Its state is a list of arrays parallel to `variables`, so that a training loop can carry it, save it and hand it back without
knowing what is in it.

Verbs: `build` makes the variables for a list of weights; `update` is the pure function; `apply` runs it on the variables
themselves, for loops that are written by hand.

Life under jit: `update` is traced, and is all there is: it reads nothing but its arguments and the options. Shapes,
dtypes and the number of arrays never change, so it can be the body of a scan or of a while loop.

What it is not: a holder of weights. Slots belong to the Variables they were made for, by identity: `build` with another
list keeps the slots of those that stay, so that layers may be frozen and thawed at any time. Nor is it Keras's surface:
that is `Optimizer`, in the next file.

Differs from Keras: there, an optimizer assigns variables by their index, and cannot be built again.
"""

import copy
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from types import MappingProxyType
from typing import Any, ClassVar, Self
from weakref import ref

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import DictKey, GetAttrKey, tree_flatten_with_path

from plait.common.messages import describe, listing, raise_all, warn
from plait.common.scope import scope
from plait.common.traits import of_plait
from plait.core.cell import Cell, Late, cell_of, mark_revision
from plait.core.constants import Constants
from plait.core.graph import check_name
from plait.core.holder import Holder, attributes_of, keep, parts_of
from plait.core.program import Program
from plait.core.pure import by_path
from plait.core.variable import Variable, convert_to_tensor, zeros_like
from plait.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError
from plait.optimizers.plan import Plan, count
from plait.optimizers.plan import update as step
from plait.optimizers.schedules import LearningRateSchedule
from plait.optimizers.slots import Slots
from plait.optimizers.transforms import clip_all_by_norm, clip_each_by_norm

COMMON_OPTIONS = (
    "weight_decay clipnorm global_clipnorm clipvalue use_ema ema_momentum ema_overwrite_frequency loss_scale_factor "
    "gradient_accumulation_steps"
).split()


_OPTION_TYPES = (bool, int, float, str, type(None))


@of_plait
class Updater(Holder):
    """The parent of `Optimizer`, which says what the options mean."""

    _records = (
        "name built _undecayed _trainable_variables _births _left _slots _model _compiled _built_with _iteration _learning_rate "
        "clipnorm clipvalue global_clipnorm use_ema ema_overwrite_frequency gradient_accumulation_steps slots arguments"
    )
    _bookkeeping = frozenset({"_slots", "_left", "_model", "_compiled", "_trainable_variables", "_built_with", "built"})
    _leads_to = ""
    _holds_optimizers = False
    _iteration: Variable
    _learning_rate: Any
    _hooks = (
        "build rule update apply new_slot place build_for is_built_for scale_loss finalize_variable_values average_of "
        "weight_decay_of is_excluded born cohorts for_model"
    )

    slots: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """The order in which the rule's state becomes variables: group by group; within one, weight by weight."""

    arguments: ClassVar[tuple[str, ...]] = ()
    """The constructor's own arguments, besides the rate and the common options."""

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        self.name = check_name(name, type(self))
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._check_options(kwargs)
        self.built = False
        self._undecayed: tuple[frozenset, tuple[str, ...]] = (frozenset(), ())
        self._trainable_variables: list[Variable] = []
        self._births: Mapping[Variable, int] = MappingProxyType({})  # replaced as a whole, so that programs notice
        self._left: Mapping[int, int] = {}  # the births of weights that it isn't built for now, by serial
        self._slots = Slots()
        self._model: ref | None = None  # whose it is
        self._built_with: dict[str, Any] = {}
        self._compiled: tuple[Constants, Program] | None = None
        keep(self, _iteration=self._variable(0, "iteration", dtype="int32"))
        keep(self, _learning_rate=self._rate_from(learning_rate))

    def _check_options(self, unknown: dict) -> None:
        if "decay" in unknown:
            warn("Argument `decay` is no longer supported and will be ignored.")
            unknown = {key: value for key, value in unknown.items() if key != "decay"}
        clips = {key: getattr(self, key) for key in ("clipnorm", "clipvalue", "global_clipnorm")}
        frequency, steps = self.ema_overwrite_frequency, self.gradient_accumulation_steps
        problems = [f"Argument(s) not recognized: {unknown}"] if unknown else []
        if sum(value is not None for value in clips.values()) > 1:
            problems.append(f"Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set, but got {clips}.")
        if self.use_ema and not 0 <= self.ema_momentum <= 1:
            problems.append(f"`ema_momentum` must be in the range [0, 1], but got {self.ema_momentum}.")
        if self.use_ema and frequency and not (isinstance(frequency, int) and frequency >= 1):
            problems.append(f"`ema_overwrite_frequency` must be an integer >= 1 or None, but got {frequency}.")
        if steps and not (isinstance(steps, int) and steps >= 2):
            problems.append(f"`gradient_accumulation_steps` must be an integer >= 2, but got {steps}.")
        raise_all(ArgumentError, type(self).__name__, problems)

    # ------------------------------------------------------------------------ the rule

    def rule(self) -> optax.GradientTransformationExtraArgs | None:
        """The chain of Optax pairs that turns gradients into updates of the weights; None where `update_step` does it.

        Its `update` gets `learning_rate` and `step` as extra arguments. It is asked for anew whenever it is needed.
        """
        return None

    # ------------------------------------------------------------------------ variables

    @property
    def variables(self) -> list[Variable]:
        """The iteration, the learning rate (unless it is a schedule), averages, accumulators, then the rule's slots.

        What a subclass keeps in attributes is among them, before the slots or behind them, as it was made.
        """
        early, late = self._held_variables()
        return [*self._first_variables(), *early, *self._slots.variables, *late]

    @property
    def cell(self) -> Cell:
        """The cell that holds the variables, in their order; the training loop replaces its contents."""
        return cell_of(self.variables)

    @property
    def iterations(self) -> Any:
        """How many updates have been made: the variable that counts; an array where gradients are accumulated."""
        steps = self.gradient_accumulation_steps
        return self._iteration.value // steps if steps else self._iteration

    @property
    def learning_rate(self) -> Any:
        """The current rate: the variable that holds it, or what the schedule says for this step.

        It can be set to a number, or to a schedule.

        Raises:
            ArgumentError: setting a number where there is a schedule.
        """
        if isinstance(self._learning_rate, LearningRateSchedule):
            return self._learning_rate(count(self._iteration.value, self.gradient_accumulation_steps))
        return self._learning_rate if isinstance(self._learning_rate, Variable) else self._learning_rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        if isinstance(learning_rate, Variable) or not callable(learning_rate):
            if not isinstance(self._learning_rate, Variable):
                raise ArgumentTypeError(
                    f"{type(self).__name__} {self.name!r}: This optimizer was created with a `LearningRateSchedule` or a function "
                    "as its `learning_rate`, hence its learning rate is not settable. Create it with a float to set it "
                    "later, or set it to another schedule."
                )
            self._learning_rate.assign(learning_rate)
            return
        keep(self, _learning_rate=learning_rate)
        mark_revision()

    def _rate_from(self, learning_rate: Any) -> Any:
        if callable(learning_rate) and not isinstance(learning_rate, Variable):
            return learning_rate
        if not isinstance(learning_rate, (float, np.floating)):
            raise ArgumentError(
                f"{type(self).__name__}: `learning_rate` must be a float, a LearningRateSchedule, or a function without "
                "arguments that returns the rate, but got "
                f"{describe(learning_rate)}." + (" Write it with a decimal point." * (type(learning_rate) is int))
            )
        return self._variable(float(learning_rate), "learning_rate", dtype="float32")

    def _own_variables(self) -> list[Variable]:
        return [*self._first_variables(), *self._held_variables()[0]]

    def _first_variables(self) -> list[Variable]:
        rate = [self._learning_rate] if isinstance(self._learning_rate, Variable) else []
        return [self._iteration, *rate]

    def _held_variables(self) -> tuple[list[Variable], list[Variable]]:
        """Variables that attributes of a subclass hold, as they were made: before the first slot, and after it.

        Options, slots and the weights themselves are not among them.
        """
        options = (*COMMON_OPTIONS, *self.arguments)
        values = [value for name, value in attributes_of(self) if name not in options]
        held = {part.serial: part for part in parts_of(values) if isinstance(part, Variable)}
        if not held:
            return [], []
        others = {*self._slots.known, *self._trainable_variables}
        made = [held[serial] for serial in sorted(held) if held[serial] not in others]
        first_slot = min((slot.serial for slot in self._slots.variables), default=float("inf"))
        return [v for v in made if v.serial < first_slot], [v for v in made if v.serial > first_slot]

    def _variable(self, initializer: Any, name: str | None, path: tuple | None = None, **options: Any) -> Variable:
        with scope(path=(self.name,) if path is None else path):
            return Variable(initializer, trainable=False, autocast=False, name=name, **options)

    # ------------------------------------------------------------------------ build

    def build(self, variables: Iterable[Variable]) -> None:
        """Makes the optimizer's variables for these weights.

        Built again for the same ones, nothing happens; for others, the counter, the rate and the slots of those that it was
        built for before keep their values, and the others' are new.

        Raises:
            ArgumentError: a weight is listed twice.
        """
        variables = list(variables)
        self._slots.replay()
        if self.built and self.is_built_for(variables):
            return
        if len(set(variables)) != len(variables):
            raise ArgumentError(f"{type(self).__name__} {self.name!r}: a variable is listed twice in `build`.")
        self._slots.renew(variables)
        now = int(self._iteration.value) // (self.gradient_accumulation_steps or 1) if self._trainable_variables else 0
        leaving = {v.serial: birth for v, birth in self._births.items() if v not in {*variables}}
        before, self._left = self._births, {**self._left, **leaving}
        self._births = MappingProxyType({v: before.get(v, self._left.get(v.serial, now)) for v in variables})
        keep(self, _trainable_variables=variables)
        self._compiled, self._built_with = None, self._options()
        with scope(bindings=None, finder=None, compute_dtype=None), jax.ensure_compile_time_eval():
            self._build_common()
            rule = self.rule()
            if rule is not None:
                self._build_slots(rule)
        self.built = True
        mark_revision()

    @property
    def updated_variables(self) -> list[Variable]:
        """The weights that it was built for."""
        return list(self._trainable_variables)

    def build_for(self, variables: Iterable[Variable]) -> None:
        """Builds for these weights, also where a subclass's `build` does nothing once `built` is true."""
        variables = list(variables)
        if self.built and not self.is_built_for(variables):
            self.built = False
        self.build(variables)

    def is_built_for(self, variables: Sequence[Variable]) -> bool:
        """Whether these are the weights that the optimizer was built for, in this order, and with these options."""
        mine = self._trainable_variables
        return (
            self._built_with == self._options()
            and len(mine) == len(variables)
            and all(a is b for a, b in zip(mine, variables, strict=True))
        )

    def _options(self) -> dict[str, Any]:
        """The options, on which depends which slots there are."""
        options = ((name, value) for name, value in vars(self).items() if name[0] != "_" and name != "built")
        return {name: value for name, value in options if isinstance(value, _OPTION_TYPES)}

    def _build_common(self) -> None:
        if self.use_ema:
            started = int(self._iteration.value) > 0
            for variable in self._owners().values():
                start = variable.value if started else _zeros_for(variable)
                self._slots.ask(variable, "average", partial(self.new_slot, variable, "average", start))
        if self.gradient_accumulation_steps:
            for variable in self._trainable_variables:
                start, field = _zeros_for(variable), "gradient_accumulator"
                self._slots.ask(variable, field, partial(self.new_slot, variable, field, start))

    def _build_slots(self, rule: optax.GradientTransformation) -> None:
        owners = self._owners()
        state = _first_state(rule, owners)
        order = {variable: position for position, variable in enumerate(self._trainable_variables)}
        groups = {field: (group, at) for group, fields in enumerate(self.slots) for at, field in enumerate(fields)}
        found = [(*self.place(path, owners), leaf) for path, leaf in tree_flatten_with_path(state)[0]]

        def rank(item: tuple) -> tuple:
            group, place = groups.get(item[1], (len(self.slots), 0))
            return group, order.get(item[0], len(order)), place

        for owner, field, leaf in sorted(found, key=rank):
            self._slots.ask(owner, field, partial(self.new_slot, owner, field, leaf))

    def new_slot(self, owner: Variable | None, field: str, value: Any) -> Variable:
        """Makes the variable for one array of the rule's state.

        Args:
            owner: the weight that it belongs to; None for what belongs to all.
            field: what the rule's state calls it.
            value: its first value.
        """
        name = field if owner is None else f"{owner.path.replace('/', '_')}_{field}"
        return self._variable(value, name)

    def born(self, variable: Variable) -> int:
        """After how many updates a weight came to the optimizer: 0, unless it was built again for more weights."""
        return self._births[variable]

    def cohorts(self, paths: Iterable[str]) -> list[list[str]]:
        """Groups the paths of weights that came together, so that each group counts its own updates; the first ones
        to come are last.

        Averages that begin at 0 are corrected by how often they were updated. With the counter of the others, weights
        that join late would begin with steps several times too large.
        """
        owners, groups = self._owners(), {}
        for path in paths:
            groups.setdefault(self.born(owners[path]), []).append(path)
        return [groups[born] for born in sorted(groups, reverse=True)]

    def _owners(self) -> dict[str, Variable]:
        """The weights that the rule updates, by path; not those that are replaced by their gradients."""
        return by_path([v for v in self._trainable_variables if not v.overwrite_with_gradient])

    def place(self, path: tuple, owners: Mapping[str, Variable]) -> tuple[Variable | None, str]:
        """Which weight and which field an array in a rule's state belongs to, by its path in the state."""
        owner = next((owners[e.key] for e in path if isinstance(e, DictKey) and e.key in owners), None)
        return owner, [entry.name for entry in path if isinstance(entry, GetAttrKey)][-1]

    # ------------------------------------------------------------------------ the pure function

    def update(self, state: Sequence, gradients: Sequence, weights: Sequence) -> tuple[list, list]:
        """One step, as a pure function of arrays.

        Args:
            state: values of `variables`.
            gradients: of the weights that the optimizer was built for; None where there is none.
            weights: their values.

        Returns:
            `(weights, state)`, as the step leaves them, in the same dtypes.

        Raises:
            StateError: the optimizer isn't built.
            ShapeError: the lists have other lengths than they should.
        """
        self._check_lengths(state, gradients, weights)
        return step(self._plan(), state, gradients, weights)

    def _check_lengths(self, state: Sequence, gradients: Sequence, weights: Sequence) -> None:
        if not self.built:
            raise StateError(
                f"To call `stateless_apply`, {type(self).__name__} must be built (i.e. its variables must have been "
                "created). You can build it via `optimizer.build(trainable_variables)`."
            )
        problems, expected = [], len(self._trainable_variables)
        if len(state) != len(self.variables):
            problems.append(
                f"`optimizer_variables` must be a value for each of the optimizer's {len(self.variables)} variables, but got {len(state)}."
            )
        if len(weights) != expected:
            problems.append(
                f"`trainable_variables` must be a value for each of the {expected} variables that it was built with, but got {len(weights)}."
            )
        if len(gradients) != expected:
            problems.append(
                f"`grads` must be a gradient for each of the {expected} variables, but got {len(gradients)}."
            )
        raise_all(ShapeError, f"{type(self).__name__} {self.name!r}", problems)

    def _plan(self) -> Plan:
        """What a step has to know, as the options are now."""
        averaging = (self.ema_momentum, self.ema_overwrite_frequency) if self.use_ema else None
        return Plan(
            owner=type(self).__name__,
            weights=tuple(self._trainable_variables),
            owners=self._owners(),
            places=self._slots.places(len(self._own_variables())),
            births=self._births,
            rule=self.rule(),
            update_steps=self._update_steps if self.steps_by_variable else None,
            place=self.place,
            cohorts=self.cohorts,
            rate=self._rate_in,
            shares=tuple(map(self.weight_decay_of, self._trainable_variables)),
            clipping=self._clipping(),
            accumulated=self.gradient_accumulation_steps,
            loss_scale=self.loss_scale_factor,
            averaging=averaging,
        )

    @property
    def steps_by_variable(self) -> bool:
        """Whether a class written for Keras updates its variables one by one, in place of the rule at once."""
        return False

    def _update_steps(self, state: Sequence, gradients: Sequence, weights: Sequence, rate: Any) -> tuple[list, list]:
        """What such a class does to all weights, as a pure function."""
        raise StateError(f"{type(self).__name__}: it has no `update_step`.")

    def _clipping(self) -> optax.GradientTransformation | None:
        """What limits the gradients; at most one of the options is set."""
        if self.clipnorm and self.clipnorm > 0:
            return clip_each_by_norm(self.clipnorm)
        if self.global_clipnorm and self.global_clipnorm > 0:
            return clip_all_by_norm(self.global_clipnorm)
        return optax.clip(self.clipvalue) if self.clipvalue and self.clipvalue > 0 else None

    def _rate_in(self, state: Sequence) -> Any:
        """The learning rate of a state."""
        if isinstance(self._learning_rate, Variable):
            return state[1]
        if isinstance(self._learning_rate, LearningRateSchedule):
            return convert_to_tensor(self._learning_rate(count(state[0], self.gradient_accumulation_steps)))
        return None if self._learning_rate is None else convert_to_tensor(self._learning_rate())

    # ------------------------------------------------------------------------ on the variables themselves

    def apply(self, grads: Iterable, trainable_variables: Iterable[Variable] | None = None) -> None:
        """Updates variables by gradients, and the optimizer with them.

        Args:
            grads: one for each variable; None leaves a variable alone, with a warning.
            trainable_variables: the variables, or some of them; None means all that the optimizer was built for.

        Raises:
            StateError: no variables are given, and the optimizer isn't built.
            ArgumentError: a variable that it wasn't built for, or not a single gradient.
            ShapeError: more gradients than variables, or fewer.
        """
        grads, variables = list(grads), self._variables_of(trainable_variables)
        if len(grads) != len(variables):
            raise ShapeError(
                f"{type(self).__name__} {self.name!r}: `grads` must be a gradient for each of the {len(variables)} trainable "
                f"variables, but got {len(grads)}."
            )
        missing = [variable.path for variable, gradient in zip(variables, grads, strict=True) if gradient is None]
        if len(missing) == len(variables):
            raise ArgumentError(f"{type(self).__name__} {self.name!r}: No gradients provided for any variable.")
        if missing:
            warn(
                f"Gradients do not exist for variables {missing} when minimizing the loss. If using `model.compile()`, "
                "did you forget to provide a `loss` argument?",
            )
        given = dict(zip(variables, grads, strict=True))
        self._applying()([given.get(variable) for variable in self._trainable_variables])

    def _variables_of(self, given: Iterable[Variable] | None) -> list[Variable]:
        if given is None:
            if not self.built:
                raise StateError(
                    "When passing `grads` without `variables`, the optimizer must already be built on a list of "
                    "variables. Call `optimizer.build(trainable_variables)` first."
                )
            return self._trainable_variables
        given = list(given)
        if not self.built:
            self.build(given)
        known = set(self._trainable_variables)
        unknown = [variable.path for variable in given if variable not in known]
        if unknown:
            raise ArgumentError(
                f"{type(self).__name__} {self.name!r}: Unknown variable: {listing(unknown)}. It can only be called for "
                f"the variables it was built with: {listing(v.path for v in self._trainable_variables)}. Build it for "
                "others with `optimizer.build(variables)`; what it knows of those that stay is kept."
            )
        return given

    def _applying(self) -> Callable:
        """`_apply_to_variables`, compiled; as it is where the class, or a rate, is a function of the user's to run."""
        if self.runs_users_code:
            return self._apply_to_variables
        if self._compiled is None or self._compiled[0].changed():
            self.build(self._trainable_variables)
            variables, owner = [*self.variables, *self._trainable_variables], f"Optimizer {self.name!r}"
            program = Program(self._apply_to_variables, variables, owner=owner, kind="apply")
            self._compiled = Constants([self, *self._trainable_variables]), program
        return self._compiled[1]

    @property
    def runs_users_code(self) -> bool:
        """Whether an `update_step`, or a function that computes the rate, is the user's: it may look at values."""
        rate = self._learning_rate
        return self.steps_by_variable or (callable(rate) and not isinstance(rate, (LearningRateSchedule, Variable)))

    def _apply_to_variables(self, gradients: Sequence) -> None:
        weights, variables = self._trainable_variables, self.variables
        with scope(compute_dtype=None):
            moved, state = self.update([v.value for v in variables], gradients, [v.value for v in weights])
        for variable, value in zip([*weights, *variables], [*moved, *state], strict=True):
            variable.assign(value)

    def scale_loss(self, loss: Any) -> Any:
        """The loss that is to be differentiated."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Puts the averages in the place of the variables, where they are kept: what `fit` does at its end."""
        for variable in var_list:
            average = self.average_of(variable)
            if average is not None:
                variable.assign(average.value)

    def average_of(self, variable: Variable) -> Variable | None:
        """The moving average of a variable; None where none is kept."""
        return self._slots.find(variable, "average") if self.use_ema else None

    # ------------------------------------------------------------------------ weight decay

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Says which variables aren't to be decayed. A second call replaces the first.

        Args:
            var_list: the variables themselves.
            var_names: regular expressions that are searched for in their names.
        """
        self._undecayed = frozenset(var_list or ()), tuple(var_names or ())
        mark_revision()

    def weight_decay_of(self, variable: Variable) -> float | None:
        """The weight decay of one variable; None for none."""
        return None if self.is_excluded(variable) else self.weight_decay

    def is_excluded(self, variable: Variable) -> bool:
        """Whether `exclude_from_weight_decay` spared a variable."""
        listed, patterns = self._undecayed
        return variable in listed or any(re.search(pattern, variable.name) for pattern in patterns)

    def for_model(self, model: Any) -> Self:
        """The optimizer as a model's own: itself, or if another model has it, one with the same counter, rate and options.

        So two models that are compiled with one optimizer train in turn, each with the slots of its own weights.
        """
        other = None if self._model is None else self._model()
        if other is None or other is model or other.optimizer is not self or self._holds_optimizers:
            keep(self, _model=ref(model))
            return self
        twin = copy.copy(self)
        shared = {"_iteration": self._iteration, "_learning_rate": self._learning_rate}
        fresh = {"_slots": Slots(), "_births": MappingProxyType({}), "_built_with": {}, "built": False}
        keep(twin, **shared, **fresh, _trainable_variables=[], _model=ref(model))
        return twin

    def __getstate__(self) -> dict:
        return {**vars(self), "_model": None, "_compiled": None, "_births": dict(self._births), "_left": {}}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state, _births=MappingProxyType(state["_births"]))


def _zeros_for(variable: Variable) -> jax.Array:
    return zeros_like(variable.value) if variable.filled else jnp.zeros(variable.shape, variable.dtype)


def _first_state(rule: optax.GradientTransformation, owners: Mapping[str, Variable]) -> Any:
    """A rule's state before the first update; while a file is read, arrays that are made if it doesn't bring them."""
    if all(variable.filled for variable in owners.values()):
        return rule.init({path: variable.value for path, variable in owners.items()})
    weights = {path: jax.ShapeDtypeStruct(v.shape, v.dtype) for path, v in owners.items()}
    forms, structure = jax.tree.flatten(jax.eval_shape(rule.init, weights))
    leaves = cache(lambda: jax.tree.leaves(rule.init({path: variable.value for path, variable in owners.items()})))
    late = [Late(lambda at=at: leaves()[at], form.shape, form.dtype.name) for at, form in enumerate(forms)]
    return jax.tree.unflatten(structure, late)
