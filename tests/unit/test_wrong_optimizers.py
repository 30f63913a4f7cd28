"""What optimizers, metrics and callbacks refuse, and forms that they take; found by Keras's own tests."""

import numpy as np
import pytest

import plait
from plait import callbacks, metrics, optimizers
from plait.core.variable import Variable

WRONG = {
    "Ftrl": (
        lambda: optimizers.Ftrl(l1_regularization_strength=-0.1),
        "`l1_regularization_strength` needs to be positive or zero. Received: l1_regularization_strength=-0.1",
    ),
    "AdamW": (
        lambda: optimizers.AdamW(weight_decay=None),
        "`weight_decay` must be a float. Received: weight_decay=None",
    ),
    "Lion": (lambda: optimizers.Lion(beta_1=-0.1), "the optimizer degenerates to SignSGD"),
    "unknown of the scale": (
        lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), foo=True, bar=3),
        "does not take the arguments: `foo`, `bar`",
    ),
    "not dynamic": (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), dynamic=False), "set `loss_scale_factor`"),
    "not built": (
        lambda: optimizers.Adam().set_weights([1.0]),
        "You are calling `set_weights()` on an optimizer that has not",
    ),
    "AUC": (lambda: metrics.AUC(summation_method="x"), 'Invalid AUC summation method value: "x"'),
    "callback": (lambda: callbacks.LambdaCallback(on_epoch_ned=print), "Did you mean 'on_epoch_end'?"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name):
    make, told = WRONG[name]
    with pytest.raises(ValueError) as caught:
        make()
    assert told in str(caught.value)


def test_a_scale_that_is_found_takes_the_place_of_a_fixed_one():
    inner = optimizers.SGD(0.5, loss_scale_factor=100)
    optimizer = optimizers.LossScaleOptimizer(inner, initial_scale=8.0, dynamic=True)
    weight = Variable([1.0, 2.0])
    optimizer.build([weight])
    assert inner.loss_scale_factor is None and float(optimizer.scale_loss(2.0)) == 16.0
    (after,), _ = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], [np.float32([8.0, 16.0])], [weight.value]
    )
    np.testing.assert_allclose(after, [0.5, 1.0])


def test_what_is_replaced_by_its_gradient_is_not_scaled():
    optimizer, weight = optimizers.LossScaleOptimizer(optimizers.SGD(0.5)), Variable([1.0, 2.0])
    weight.overwrite_with_gradient = True
    optimizer.apply([np.float32([3.0, 4.0])], [weight])
    np.testing.assert_allclose(weight.numpy(), [3.0, 4.0])


def test_an_old_config_of_the_scale():
    config = optimizers.LossScaleOptimizer(optimizers.SGD(0.5)).get_config()
    old = {**config, "weight_decay": None, "use_ema": False, "loss_scale_factor": None}
    assert optimizers.LossScaleOptimizer.from_config(old).get_config() == config


@pytest.fixture
def several():
    first, second = optimizers.SGD(0.1, name="first"), optimizers.SGD(0.01, name="second")
    listed = optimizers.OptimizerMap(second, {".*a/.*": first})
    model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(2, name="a"), plait.layers.Dense(1, name="b")])
    model.compile(optimizers.MultiOptimizer(listed), "mse")
    return model, first, second


def test_a_schedule_for_several_optimizers(several):
    model, first, second = several
    assert model.optimizer.optimizers == [first, second]
    scheduler = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    logs = model.fit(np.ones((4, 2)), np.ones((4, 1)), callbacks=[scheduler], verbose=0).history
    assert logs["learning_rate_first"] == pytest.approx([0.05])
    assert logs["learning_rate_second"] == pytest.approx([0.005])


def test_a_plateau_for_several_optimizers(several):
    model, first, second = several
    watcher = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1)
    watcher.set_model(model)
    watcher.on_train_begin()
    for epoch in (0, 1):
        watcher.on_epoch_end(epoch, {"loss": 1.0})
    assert [float(first.learning_rate), float(second.learning_rate)] == pytest.approx([0.05, 0.005])


def test_a_rate_that_is_scheduled_already():
    model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1)])
    model.compile(optimizers.Adam(optimizers.schedules.PolynomialDecay(0.1, 10)), "mse")
    scheduler = callbacks.LearningRateScheduler(lambda epoch: 0.1)
    with pytest.raises(TypeError, match="This optimizer was created with a `LearningRateSchedule`"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), callbacks=[scheduler], verbose=0)


def test_a_loss_that_is_no_number_raises_if_asked():
    model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match="NaN or Inf loss encountered at batch 0"):
        model.fit(
            np.full((4, 2), np.inf), np.ones((4, 1)), callbacks=[callbacks.TerminateOnNaN(raise_error=True)], verbose=0
        )


def test_values_of_ones_own_in_a_lambda_callback():
    assert callbacks.LambdaCallback(mine=print).mine is print


def test_a_metric_takes_variables_as_values_and_arrays_as_starts():
    metric = metrics.Mean()
    after = metric.stateless_update_state(metric.variables, [1.0, 3.0])
    assert [float(value) for value in after] == [4.0, 2.0] and float(metric.total) == 0.0
    assert metric.add_variable((2,), np.float32([1.0, 2.0]), name="start").numpy().tolist() == [1.0, 2.0]
