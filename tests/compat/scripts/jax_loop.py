"""A training loop in plain JAX over stateless calls of model, optimizer and metric."""

import jax
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(24)
x = np.random.default_rng(0).random((64, 6)).astype("float32")
y = (x.sum(1) > 3).astype("int32")
inputs = keras.Input((6,))
hidden = layers.BatchNormalization()(layers.Dense(8, activation="relu")(inputs))
model = keras.Model(inputs, layers.Dense(2)(hidden))
optimizer = keras.optimizers.Adam(1e-2)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
metric = keras.metrics.SparseCategoricalAccuracy()


def loss_and_updates(trainable, non_trainable, metric_variables, x, y):
    y_pred, non_trainable = model.stateless_call(trainable, non_trainable, x, training=True)
    metric_variables = metric.stateless_update_state(metric_variables, y, y_pred)
    return loss_fn(y, y_pred), (non_trainable, metric_variables)


@jax.jit
def train_step(state, data):
    trainable, non_trainable, optimizer_variables, metric_variables = state
    (loss, (non_trainable, metric_variables)), grads = jax.value_and_grad(loss_and_updates, has_aux=True)(
        trainable, non_trainable, metric_variables, *data
    )
    trainable, optimizer_variables = optimizer.stateless_apply(optimizer_variables, grads, trainable)
    return loss, (trainable, non_trainable, optimizer_variables, metric_variables)


optimizer.build(model.trainable_variables)
state = (
    [v.value for v in model.trainable_variables],
    [v.value for v in model.non_trainable_variables],
    [v.value for v in optimizer.variables],
    [v.value for v in metric.variables],
)
for epoch in range(3):
    for low in range(0, 64, 16):
        loss, state = train_step(state, (x[low : low + 16], y[low : low + 16]))
    print(epoch, float(loss), float(metric.stateless_result(state[3])))
for variables, values in zip((model.trainable_variables, model.non_trainable_variables), state):
    for variable, value in zip(variables, values):
        variable.assign(value)
print(float(np.array(model(x)).sum()))
