"""One trunk, three heads: a list of losses, weights, metrics per output, one without a loss."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(18)
inputs = keras.Input((10,))
trunk = layers.Dense(12, activation="gelu", kernel_regularizer=keras.regularizers.L2(1e-3))(inputs)
value = layers.Dense(1, name="value")(trunk)
kind = layers.Dense(4, activation="softmax", name="kind")(trunk)
tags = layers.Dense(5, activation="sigmoid", name="tags")(trunk)
model = keras.Model(inputs, [value, kind, tags])
model.compile(
    "adam",
    loss=["mse", "categorical_crossentropy", "binary_crossentropy"],
    loss_weights=[0.5, 1.0, 2.0],
    metrics=[["mae"], ["accuracy", keras.metrics.TopKCategoricalAccuracy(2)], [keras.metrics.Precision(name="p")]],
)
rng = np.random.default_rng(0)
x = rng.random((64, 10)).astype("float32")
targets = [x.sum(1), np.eye(4)[rng.integers(0, 4, 64)], rng.integers(0, 2, (64, 5)).astype("float32")]
history = model.fit(x, targets, epochs=3, batch_size=16, verbose=0).history
for name in sorted(history):
    print(name, history[name])
result = model.evaluate(x, targets, verbose=0, return_dict=True)
print(sorted((name, round(float(v), 4)) for name, v in result.items()))
