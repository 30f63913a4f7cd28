"""A loop from scratch: `tf.function`, metrics by hand, regularization, early numbers by `.numpy()`."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(15)
x_train, y_train = rng.normal(size=(64, 5)).astype("float32"), rng.integers(0, 3, 64)
inputs = keras.Input((5,), name="digits")
x = layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3))(inputs)
model = keras.Model(inputs=inputs, outputs=layers.Dense(3)(x))
for weight in model.weights:
    weight.assign(rng.normal(0, 0.4, weight.shape))
optimizer = keras.optimizers.Adam(learning_rate=keras.optimizers.schedules.ExponentialDecay(0.02, 4, 0.9))
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
train_acc_metric = keras.metrics.SparseCategoricalAccuracy()
dataset = tf.data.Dataset.from_tensor_slices((x_train, y_train)).batch(16)


@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss_value = loss_fn(y, logits)
        loss_value += sum(model.losses)
    grads = tape.gradient(loss_value, model.trainable_weights)
    grads, norm = tf.clip_by_global_norm(grads, 0.5)
    optimizer.apply_gradients(zip(grads, model.trainable_weights))
    train_acc_metric.update_state(y, logits)
    return loss_value, norm


for _ in range(2):
    for step, (x_batch, y_batch) in enumerate(dataset):
        loss_value, norm = train_step(x_batch, y_batch)
        if step % 2 == 0:
            print(f"Training loss (for 1 batch) at step {step}: {float(loss_value):.4f}, norm {norm.numpy():.4f}")
    print(f"Training acc over epoch: {float(train_acc_metric.result()):.4f}")
    train_acc_metric.reset_state()
weights = tf.Variable(tf.ones((3,)))
for _ in range(3):
    with tf.GradientTape(persistent=True) as tape:
        y = tf.reduce_sum(weights**2) + tf.reduce_prod(weights)
    weights.assign_sub(0.1 * tape.gradient(y, weights))
print(weights.numpy().round(4), int(optimizer.iterations), tf.rank(weights).numpy(), tf.size(weights).numpy())
