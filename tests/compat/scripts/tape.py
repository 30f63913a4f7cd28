"""A training loop of one's own with tf.GradientTape: metrics, losses of layers, @tf.function, a validation pass."""

import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(96, 6)).astype("float32")
y = (x[:, 0] * x[:, 1] > 0).astype("int32") + (x[:, 2] > 0.5)

inputs = tf.keras.Input(shape=(6,), name="rows")
hidden = tf.keras.layers.Dense(16, activation="relu", kernel_regularizer=tf.keras.regularizers.L2(1e-3))(inputs)
hidden = tf.keras.layers.BatchNormalization()(hidden)
outputs = tf.keras.layers.Dense(3, name="scores")(hidden)
model = tf.keras.Model(inputs=inputs, outputs=outputs)

optimizer = tf.keras.optimizers.Adam(learning_rate=1e-2)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
train_accuracy = tf.keras.metrics.SparseCategoricalAccuracy()
valid_accuracy = tf.keras.metrics.SparseCategoricalAccuracy()
train = tf.data.Dataset.from_tensor_slices((x[:64], y[:64])).batch(16)
valid = tf.data.Dataset.from_tensor_slices((x[64:], y[64:])).batch(16)


@tf.function
def train_step(rows, labels):
    with tf.GradientTape() as tape:
        logits = model(rows, training=True)
        loss_value = loss_fn(labels, logits)
        loss_value += sum(model.losses)
    grads = tape.gradient(loss_value, model.trainable_weights)
    optimizer.apply_gradients(zip(grads, model.trainable_weights))
    train_accuracy.update_state(labels, logits)
    return loss_value


@tf.function
def test_step(rows, labels):
    valid_accuracy.update_state(labels, model(rows, training=False))


for epoch in range(2):
    for step, (x_batch, y_batch) in enumerate(train):
        loss = train_step(x_batch, y_batch)
        if step % 2 == 0:
            print(f"step {step}: loss {float(loss):.6f}")
    print(f"epoch {epoch}: accuracy {float(train_accuracy.result()):.6f}")
    train_accuracy.reset_state()
    for x_batch, y_batch in valid:
        test_step(x_batch, y_batch)
    print(f"valid {float(valid_accuracy.result()):.6f}")
    valid_accuracy.reset_state()

image = tf.convert_to_tensor(x[:2])
with tf.GradientTape() as tape:
    tape.watch(image)
    top = tf.reduce_max(model(image), axis=-1)
saliency = tape.gradient(top, image)
print(f"saliency {saliency.shape} {float(tf.reduce_sum(tf.abs(saliency))):.6f}")
