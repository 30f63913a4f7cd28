"""What optimizers do that Keras's don't, or that cannot be asked of Keras: building again, Optax, dtypes, loops."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from plait import optimizers
from plait.common.scope import name_scope
from plait.core.variable import Variable
from plait.errors import ArgumentError, MissingError, NameUnknownError, ShapeError, StateError
from plait.optimizers import transforms

rng = np.random.default_rng(3)
ALL = "SGD Adam AdamW Adamax Nadam RMSprop Adagrad Adadelta Ftrl Lion Lamb Adafactor Muon ScheduleFreeAdamW".split()
RICH = {
    "gradient_accumulation_steps": 2,
    "use_ema": True,
    "ema_overwrite_frequency": 2,
    "global_clipnorm": 1.0,
    "weight_decay": 0.1,
    "loss_scale_factor": 2.0,
}


def weights_of(dtype="float32", count=3):
    shapes = {"kernel": (3, 2), "bias": (2,), "embedding": (4, 2), "scale": ()}
    with name_scope("net"):
        return [
            Variable(rng.normal(size=shape), dtype=dtype, name=name) for name, shape in list(shapes.items())[:count]
        ]


def gradients_of(weights, seed=0):
    draw = np.random.default_rng(seed)
    return [jnp.asarray(draw.normal(size=weight.shape), weight.dtype) for weight in weights]


def values(variables):
    return [variable.value for variable in variables]


def close(ours, theirs, tolerance=1e-6):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(a, "float32"), np.asarray(b, "float32"), rtol=tolerance, atol=tolerance)


# --- the pure function -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_compiled_is_eager(name):
    weights = weights_of(count=2)
    optimizer = getattr(optimizers, name)(0.05)
    optimizer.build(weights)
    state, gradients = values(optimizer.variables), gradients_of(weights)
    eager = optimizer.update(state, gradients, values(weights))
    compiled = jax.jit(optimizer.update)(state, gradients, values(weights))
    close(jax.tree.leaves(compiled), jax.tree.leaves(eager))


@pytest.mark.parametrize(
    "name, dtype", [*((name, "bfloat16") for name in ALL), ("Adam", "float32"), ("SGD", "float16")]
)
def test_a_loop_can_carry_the_state_whatever_the_dtype(name, dtype):
    """The carry of a `fori_loop` may not change its types; strict promotion shows every cast that isn't written."""
    optimizer, weights = getattr(optimizers, name)(0.05, **RICH), weights_of(dtype, count=2)
    optimizer.build(weights)
    gradients, start = gradients_of(weights), (values(weights), values(optimizer.variables))

    with jax.numpy_dtype_promotion("strict"):
        after, state = jax.lax.fori_loop(0, 4, lambda _, carry: optimizer.update(carry[1], gradients, carry[0]), start)
    assert [value.dtype for value in after] == [weight.dtype for weight in weights]
    assert [value.dtype for value in state] == [variable.dtype for variable in optimizer.variables]
    assert all(bool(jnp.all(jnp.isfinite(value))) for value in after)


def test_mixed_dtypes_are_clipped_together():
    weights = [*weights_of("float32", 1), *weights_of("bfloat16", 2)[1:]]
    optimizer = optimizers.SGD(1.0, global_clipnorm=1.0)
    optimizer.build(weights)
    gradients = [jnp.full(weight.shape, 3.0, weight.dtype) for weight in weights]
    with jax.numpy_dtype_promotion("strict"):
        after, _ = optimizer.update(values(optimizer.variables), gradients, values(weights))
    moved = [np.asarray(w.value, "float32") - np.asarray(a, "float32") for w, a in zip(weights, after, strict=True)]
    assert np.sqrt(sum(np.square(m).sum() for m in moved)) == pytest.approx(1.0, rel=1e-2)


def test_float64_is_computed_in_float64():
    with jax.enable_x64(True):
        weight = Variable(np.array([1.0, 2.0]), dtype="float64")
        optimizer = optimizers.Adam(0.125)
        optimizer.build([weight])
        gradient, w, m, v = np.array([0.3, -0.7]), np.array([1.0, 2.0]), 0.0, 0.0
        state, after = values(optimizer.variables), [weight.value]
        for step in range(1, 6):
            after, state = optimizer.update(state, [jnp.asarray(gradient)], after)
            m, v = m + (gradient - m) * (1 - 0.9), v + (gradient**2 - v) * (1 - 0.999)
            w = w - 0.125 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step) * m / (np.sqrt(v) + 1e-7)
        assert after[0].dtype == "float64"
        np.testing.assert_allclose(after[0], w, rtol=1e-12)


def test_accumulation_is_one_step_with_the_mean():
    weights = weights_of()
    together, apart = optimizers.Adam(0.1), optimizers.Adam(0.1, gradient_accumulation_steps=3)
    together.build(weights)
    apart.build(weights)
    rows = [gradients_of(weights, seed) for seed in range(3)]
    mean = [sum(parts) / 3 for parts in zip(*rows, strict=True)]
    expected, _ = together.update(values(together.variables), mean, values(weights))
    after, state = values(weights), values(apart.variables)
    for number, row in enumerate(rows):
        close(after, values(weights)) if number else None
        after, state = apart.update(state, row, after)
    close(after, expected)
    assert int(state[0]) == 3


def test_the_scalars_of_a_step_are_computed_once():
    """Powers of beta, which are the same for all weights, must not be traced for each."""

    def powers(count):
        weights = [Variable(np.ones(2, "float32"), name=f"w{index}") for index in range(count)]
        optimizer = optimizers.Adam()
        optimizer.build(weights)
        program = jax.make_jaxpr(optimizer.update)(values(optimizer.variables), values(weights), values(weights))
        return sum(
            equation.primitive.name in ("pow", "integer_pow")
            for equation in program.eqns
            if not equation.outvars[0].aval.shape
        )

    assert powers(8) == powers(2)


def test_wrong_lists_are_refused():
    weights = weights_of()
    optimizer = optimizers.Adam()
    with pytest.raises(ValueError, match="must be built"):
        optimizer.stateless_apply([], [], [])
    optimizer.build(weights)
    with pytest.raises(ShapeError, match=r"optimizer_variables(.|\n)*but got 1(.|\n)*a gradient for each of the 3"):
        optimizer.stateless_apply([1], [1], [1, 2])


# --- building again --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Adam", "Nadam", "RMSprop", "Muon", "Adafactor"])
def test_slots_of_weights_that_stay_are_kept(name):
    weights = weights_of(count=4)
    optimizer = getattr(optimizers, name)(0.05, use_ema=True)
    optimizer.apply(gradients_of(weights), weights)
    before = optimizer.variables
    kept = [weights[3], weights[1]]
    optimizer.build(kept)
    assert 0 < len(optimizer.variables) < len(before)
    assert set(optimizer.variables) <= set(before)
    optimizer.apply(gradients_of(kept), kept)
    optimizer.build(weights)
    assert [v.path.split("/")[-1] for v in optimizer.variables] == [v.path.split("/")[-1] for v in before]
    slot = next(v for v in optimizer.variables if v.path.endswith("kernel_average"))
    np.testing.assert_array_equal(slot.value, weights[0].value)  # an average that begins later begins with the weight
    assert int(optimizer.iterations) == 2


@pytest.mark.parametrize("name", ["Adam", "Lamb", "ScheduleFreeAdamW", "Adafactor"])
def test_a_weight_that_joins_late_begins_as_in_a_new_optimizer(name):
    """With the counter of the others, Adam's first steps would be three to seven times too large."""
    weights = weights_of()
    optimizer, fresh = getattr(optimizers, name)(0.05), getattr(optimizers, name)(0.05)
    optimizer.build(weights[:2])
    for seed in range(5):
        optimizer.apply(gradients_of(weights[:2], seed))
    late = copy.deepcopy(weights[2])
    optimizer.build(weights)
    fresh.build([late])
    for seed in range(3):
        optimizer.apply(gradients_of(weights, seed))
        fresh.apply(gradients_of(weights, seed)[2:])
    close([weights[2].value], [late.value])
    assert int(optimizer.iterations) == 8
    optimizer.iterations.assign(0)
    optimizer.apply(gradients_of(weights))
    assert all(bool(jnp.all(jnp.isfinite(weight.value))) for weight in weights)


def test_building_for_the_same_weights_changes_nothing():
    weights = weights_of()
    optimizer = optimizers.Adam()
    optimizer.build(weights)
    before = optimizer.variables
    optimizer.build(list(weights))
    assert all(a is b for a, b in zip(optimizer.variables, before, strict=True))
    with pytest.raises(ArgumentError, match="listed twice"):
        optimizer.build([*weights, weights[0]])


class Guarded(optimizers.Optimizer):
    """As programs for Keras have it: `build` does nothing once it is built."""

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.totals = [self.add_variable_from_reference(variable, "total") for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        total = self.totals[self._get_variable_index(variable)]
        self.assign_add(total, gradient)
        self.assign_sub(variable, learning_rate * total)


class Unguarded(Guarded):
    """As other programs have it: `build` may run twice."""

    def build(self, variables):
        optimizers.Optimizer.build(self, variables)
        self.totals = [self.add_variable_from_reference(variable, "total") for variable in variables]


@pytest.mark.parametrize("cls", [Guarded, Unguarded])
def test_classes_written_for_keras_are_built_again(cls):
    weights = weights_of()
    optimizer = cls(0.1)
    optimizer.apply(gradients_of(weights), weights)
    total = optimizer.totals[2]
    optimizer.build_for(weights)
    assert len(optimizer.variables) == 5
    optimizer.build_for(weights[2:])
    assert optimizer.totals == [total]
    assert len(optimizer.variables) == 3
    optimizer.apply(gradients_of(weights[2:]), weights[2:])
    assert int(optimizer.iterations) == 2


def test_a_subclass_may_read_what_a_step_knows():
    class Reader(optimizers.SGD):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient * (self.iterations + 1), variable, self.learning_rate)

    weight = Variable(0.0)
    optimizer = Reader(optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.1]))
    for expected in (-1.0, -1.2):
        optimizer.apply([1.0], [weight])
        assert float(weight) == pytest.approx(expected)


def test_an_optimizer_without_a_rule_says_so():
    with pytest.raises(StateError, match="must define `update_step` or `rule`"):
        optimizers.Optimizer(0.1).apply([1.0], [Variable(1.0)])


# --- apply -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, RICH], ids=["plain", "rich"])
def test_apply_is_update(options):
    weights = weights_of()
    optimizer = optimizers.Adam(0.1, **options)
    optimizer.build(weights)
    after, state = values(weights), values(optimizer.variables)
    for seed in range(3):
        after, state = optimizer.update(state, gradients_of(weights, seed), after)
        optimizer.apply(gradients_of(weights, seed))
    close(values(weights), after)
    close(values(optimizer.variables), state)


def test_some_of_the_weights_can_be_updated():
    weights = weights_of()
    optimizer = optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.build(weights)
    before = [np.array(variable.value) for variable in (*weights, *optimizer.variables)]
    counter = optimizer.apply_gradients([(jnp.ones(2), weights[1])])
    assert int(counter) == 1
    same = [
        np.array_equal(variable.value, old)
        for variable, old in zip((*weights, *optimizer.variables), before, strict=True)
    ]
    assert same == [True, False, True, False, True, True, True, False, False, True, True]


def test_missing_gradients_warn_and_leave_the_weight():
    weights = weights_of()
    kernel = np.array(weights[0].value)
    optimizer = optimizers.Adam(0.1)
    with pytest.warns(UserWarning, match="Gradients do not exist for variables .*net/kernel"):
        optimizer.apply([None, *gradients_of(weights)[1:]], weights)
    np.testing.assert_array_equal(weights[0].value, kernel)
    with pytest.raises(ArgumentError, match="No gradients provided"):
        optimizer.apply([None, None, None], weights)


def test_apply_refuses_what_it_cannot_place():
    weights = weights_of()
    optimizer = optimizers.Adam()
    with pytest.raises(StateError, match="must already be built"):
        optimizer.apply([1.0])
    optimizer.build(weights)
    with pytest.raises(ArgumentError, match="Unknown variable: 'other'"):
        optimizer.apply([1.0], [Variable(1.0, name="other")])
    with pytest.raises(ShapeError, match="a gradient for each of the 3 trainable variables, but got 1"):
        optimizer.apply([1.0])


def test_options_that_change_are_seen():
    weight = Variable(0.0)
    optimizer = optimizers.SGD(1.0)
    optimizer.apply([4.0], [weight])
    optimizer.clipvalue = 1.0
    optimizer.apply([4.0], [weight])
    optimizer.learning_rate = 0.5
    optimizer.apply([4.0], [weight])
    weight.constraint = jnp.abs
    optimizer.apply([0.0], [weight])
    assert float(weight) == 5.5


# --- the learning rate -----------------------------------------------------------------------------------------------


def test_the_rate_is_a_variable_that_can_be_set():
    optimizer = optimizers.Adam(0.1)
    assert optimizer.learning_rate is optimizer.variables[1]
    optimizer.learning_rate = Variable(0.25)
    optimizer.learning_rate.assign(optimizer.learning_rate * 2)
    assert float(optimizer.learning_rate) == 0.5
    assert optimizer.get_config()["learning_rate"] == 0.5


def test_a_schedule_takes_the_rates_place():
    weights = weights_of()
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(weights)
    optimizer.learning_rate = optimizers.schedules.PolynomialDecay(1.0, 4, 0.0)
    assert [v.name for v in optimizer.variables] == [
        "iteration",
        "net_kernel_momentum",
        "net_bias_momentum",
        "net_embedding_momentum",
    ]
    optimizer.apply(gradients_of(weights))
    assert float(optimizer.learning_rate) == 0.75
    with pytest.raises(ArgumentError, match="not settable"):
        optimizer.learning_rate = 0.1


def test_a_function_is_asked_each_time():
    rates = iter((1.0, 0.5))
    optimizer, weight = optimizers.SGD(lambda: next(rates)), Variable(0.0)
    optimizer.apply([1.0], [weight])
    optimizer.apply([1.0], [weight])
    assert float(weight) == -1.5


def test_a_whole_number_is_refused_with_a_hint():
    with pytest.raises(ArgumentError, match=r"must be a float.*decimal point"):
        optimizers.SGD(1)
    assert float(optimizers.SGD.from_config({"learning_rate": 1}).learning_rate) == 1.0


# --- Optax -----------------------------------------------------------------------------------------------------------

CHAINS = {
    "adam": lambda: optax.adam(0.1),
    "sgd": lambda: optax.sgd(0.1, momentum=0.9),
    "chain": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.lamb(0.1)),
    "injected": lambda: optax.inject_hyperparams(optax.adamw)(learning_rate=optax.linear_schedule(0.1, 0.0, 5)),
    "partition": lambda: optax.partition(
        {"slow": optax.sgd(0.01), "fast": optax.adam(0.1)},
        lambda weights: {path: "slow" if path.endswith("bias") else "fast" for path in weights},
    ),
    "several steps": lambda: optax.MultiSteps(optax.adam(0.1), 2).gradient_transformation(),
    "lookahead": lambda: optax.contrib.schedule_free_adamw(0.1),
}


@pytest.mark.parametrize("make", CHAINS.values(), ids=CHAINS)
def test_a_transformation_of_optax_is_an_optimizer(make):
    weights = weights_of()
    optimizer = optimizers.get(make())
    optimizer.build(weights)
    names = [weight.path for weight in weights]
    transformation, expected = make(), dict(zip(names, values(weights), strict=True))
    state = transformation.init(expected)
    after, held = values(weights), values(optimizer.variables)
    for seed in range(4):
        gradients = gradients_of(weights, seed)
        updates, state = transformation.update(dict(zip(names, gradients, strict=True)), state, expected)
        expected = optax.apply_updates(expected, updates)
        after, held = optimizer.update(held, gradients, after)
    close(after, [expected[name] for name in names])
    assert len({variable.path for variable in optimizer.variables}) == len(optimizer.variables)


def test_the_state_of_a_transformation_is_kept_and_saved():
    weights = weights_of()
    optimizer = optimizers.get(optax.adam(0.1))
    optimizer.apply(gradients_of(weights), weights)
    assert [v.name for v in optimizer.variables][:3] == ["iteration", "net_kernel_0_mu", "net_kernel_0_nu"]
    optimizer.build(weights[1:])
    mu = next(v for v in optimizer.variables if v.name == "net_bias_0_mu")
    close([mu.value], [0.1 * gradients_of(weights)[1]])
    store = {}
    optimizer.save_own_variables(store)
    again = optimizers.get(optax.adam(0.1))
    again.build(weights[1:])
    again.load_own_variables(store)
    close(values(again.variables), values(optimizer.variables))


def test_a_transformation_has_no_rate_and_no_config():
    optimizer = optimizers.get(optax.adam(0.1))
    assert not hasattr(optimizer, "learning_rate")
    with pytest.raises(MissingError, match="Optax"):
        optimizer.learning_rate = 0.1
    with pytest.raises(ArgumentError, match="no file holds code"):
        optimizers.serialize(optimizer)
    with pytest.raises(ArgumentError, match="add_decayed_weights"):
        optimizers.OptaxOptimizer(optax.adam(0.1), weight_decay=0.1)


PAIRS = {
    "accumulate": (transforms.accumulate(0.9, nesterov=True), optax.trace(0.9, nesterov=True)),
    "lion": (transforms.scale_by_lion(0.9, 0.99), optax.scale_by_lion(0.9, 0.99)),
    "adam": (transforms.scale_by_corrected_adam(0.9, 0.999, 1e-8), optax.scale_by_adam()),
    "rms": (transforms.scale_by_rms(0.9, 1e-8), optax.scale_by_rms()),
    "centered": (transforms.scale_by_rms(0.9, 1e-8, centered=True), optax.scale_by_stddev()),
    "adadelta": (transforms.scale_by_adadelta(0.9, 1e-6), optax.scale_by_adadelta()),
    "trust": (transforms.scale_by_trust_ratio(), optax.scale_by_trust_ratio()),
    "clip": (transforms.clip_all_by_norm(0.5), optax.clip_by_global_norm(0.5)),
}


@pytest.mark.parametrize("ours, theirs", PAIRS.values(), ids=PAIRS)
def test_pairs_that_say_so_are_those_of_optax(ours, theirs):
    weights = {"a": jnp.asarray(rng.normal(size=(3, 2)), "float32"), "b": [jnp.ones(4)]}
    state, expected_state = ours.init(weights), theirs.init(weights)
    for step in range(1, 4):
        gradients = jax.tree.map(lambda w, step=step: jnp.cos(w * step), weights)
        updates, state = ours.update(gradients, state, weights, learning_rate=0.1, step=step)
        expected, expected_state = theirs.update(gradients, expected_state, weights)
        close(jax.tree.leaves(updates), jax.tree.leaves(expected), 1e-5)


# --- names, files, copies --------------------------------------------------------------------------------------------


def test_names_are_found_in_any_case_and_near_ones_are_suggested():
    assert type(optimizers.get("LAMB")) is optimizers.Lamb
    assert type(optimizers.get({"class_name": "adam", "config": {"learning_rate": 0.5}})) is optimizers.Adam
    assert type(optimizers.get(optimizers.SGD)) is optimizers.SGD
    assert optimizers.get(None) is None
    with pytest.raises(NameUnknownError, match=r"No optimizer is called 'adan'.*Did you mean '[Aa]dam'"):
        optimizers.get("adan")
    with pytest.raises(ArgumentError, match=r"An optimizer must be a name.*but got 3"):
        optimizers.get(3)
    with pytest.raises(ArgumentError, match="An optimizer must be a name"):
        optimizers.get("OptimizerMap")


def test_a_store_of_another_length_is_skipped():
    weights = weights_of()
    optimizer, store = optimizers.Adam(), {}
    optimizer.save_own_variables(store)
    optimizer.build(weights)
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer 'adam"):
        optimizer.load_own_variables(store)


def test_a_store_of_other_shapes_is_refused_whole():
    weights = weights_of()
    optimizer, store = optimizers.Adam(), {}
    optimizer.build(weights)
    optimizer.save_own_variables(store)
    store = {**store, "1": np.float32(9.0), "4": np.zeros(7), "5": np.zeros(8)}
    with pytest.raises(ShapeError, match=r"2 problems(.|\n)*net_bias_momentum"):
        optimizer.load_own_variables(store)
    assert float(optimizer.learning_rate) == pytest.approx(0.001)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_copies_are_apart(copied):
    weights = weights_of()
    optimizer = optimizers.Adam(0.1)
    optimizer.apply(gradients_of(weights), weights)
    other, others = copied((optimizer, weights))
    other.apply(gradients_of(others), others)
    assert int(other.iterations) == 2
    assert int(optimizer.iterations) == 1
    optimizer.apply(gradients_of(weights), weights)
    close(values(others), values(weights))


def test_the_variables_share_a_cell():
    weights = weights_of()
    optimizer = optimizers.LossScaleOptimizer(optimizers.Adam())
    optimizer.build(weights)
    cell = optimizer.cell
    assert cell is optimizer.cell
    assert len(cell.tree) == len(optimizer.variables)
    cell.tree = [value + 1 for value in cell.tree]
    assert int(optimizer.iterations) == 1


# --- optimizers of optimizers ----------------------------------------------------------------------------------------


def test_a_step_that_is_not_finite_is_skipped():
    weights = weights_of()
    optimizer = optimizers.LossScaleOptimizer(optimizers.Adam(0.1), initial_scale=8.0)
    optimizer.build(weights)
    before = values(weights)
    assert float(optimizer.scale_loss(2.0)) == 16.0
    optimizer.apply([gradient * jnp.nan for gradient in gradients_of(weights)])
    close(values(weights), before)
    assert float(optimizer.scale_loss(2.0)) == 8.0
    optimizer.apply(gradients_of(weights))
    assert int(optimizer.iterations) == 1
    optimizer.learning_rate = 0.5
    assert float(optimizer.inner_optimizer.learning_rate) == 0.5


def test_each_optimizer_keeps_its_weights():
    weights = weights_of()
    made = []

    def choose(variable):
        made.append(optimizers.Adam(0.1) if variable.ndim == 2 else optimizers.SGD(0.1))
        return made[-1]

    optimizer = optimizers.MultiOptimizer(choose, loss_scale_factor=4.0)
    optimizer.apply(gradients_of(weights), weights)
    assert optimizer.optimizers == made
    assert [inner.loss_scale_factor for inner in made] == [4.0] * 3
    optimizer.build(weights[1:])
    assert optimizer.optimizers == made[1:]
    assert int(made[1].iterations) == 1
    assert not hasattr(optimizer, "learning_rate")


def test_a_map_refuses_what_is_not_clear():
    optimizer_map = optimizers.OptimizerMap(optimizers.SGD(), {"a.*": optimizers.Adam(), "ab.*": optimizers.Adam()})
    with pytest.raises(ArgumentError, match="Multiple optimizers assigned to variable abc"):
        optimizer_map["abc"]
    with pytest.raises(ArgumentError, match="is there already"):
        optimizer_map["a.*"] = optimizers.SGD()
    with pytest.raises(ArgumentError, match="must be an optimizer"):
        optimizer_map["c"] = "adam"
    with pytest.raises(ArgumentError, match="OptimizerMap or a function"):
        optimizers.MultiOptimizer({"a": optimizers.SGD()})
    del optimizer_map["ab.*"]
    assert list(optimizer_map) == ["a.*"]
