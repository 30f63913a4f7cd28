"""A frozen trunk with BatchNormalization, then fine-tuning at a low rate."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(2)
rng = np.random.default_rng(0)
images = rng.random((48, 16, 16, 3)).astype("float32")
labels = rng.integers(0, 2, (48, 1)).astype("float32")
trunk = keras.Sequential(
    [
        keras.Input((16, 16, 3)),
        layers.Conv2D(8, 3, padding="same"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
    ],
    name="trunk",
)
trunk.trainable = False
inputs = keras.Input((16, 16, 3))
x = layers.Rescaling(2.0, offset=-1.0)(inputs)
x = trunk(x, training=False)
x = layers.GlobalAveragePooling2D()(x)
x = layers.Dropout(0.2)(x)
outputs = layers.Dense(1)(x)
model = keras.Model(inputs, outputs)
print(len(model.trainable_weights), len(model.non_trainable_weights))
model.compile(
    keras.optimizers.Adam(), keras.losses.BinaryCrossentropy(from_logits=True), metrics=[keras.metrics.BinaryAccuracy()]
)
before = trunk.get_weights()
first = model.fit(images, labels, epochs=2, batch_size=16, verbose=0)
print(all(np.array_equal(a, b) for a, b in zip(before, trunk.get_weights())))
print(first.history["loss"])
trunk.trainable = True
trunk.layers[1].trainable = False  # its statistics stay
model.compile(keras.optimizers.Adam(1e-5), keras.losses.BinaryCrossentropy(from_logits=True), metrics=["mae"])
print(len(model.trainable_weights))
second = model.fit(images, labels, epochs=1, batch_size=16, verbose=0)
print(second.history["loss"], model.evaluate(images, labels, verbose=0))
