"""Two inputs, shared layers, two outputs with losses and weights by name."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(1)
title = keras.Input((10,), dtype="int32", name="title")
body = keras.Input((20,), dtype="int32", name="body")
tags = keras.Input((4,), name="tags")
embed = layers.Embedding(50, 8)
joined = layers.concatenate([layers.LSTM(8)(embed(title)), layers.GlobalAveragePooling1D()(embed(body)), tags])
priority = layers.Dense(1, activation="sigmoid", name="priority")(joined)
department = layers.Dense(3, name="department")(joined)
model = keras.Model([title, body, tags], {"priority": priority, "department": department})
model.compile(
    optimizer=keras.optimizers.RMSprop(1e-3),
    loss={
        "priority": keras.losses.BinaryCrossentropy(),
        "department": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    },
    loss_weights={"priority": 1.0, "department": 0.2},
    metrics={"department": ["accuracy"]},
)
rng = np.random.default_rng(0)
x = {
    "title": rng.integers(0, 50, (64, 10)),
    "body": rng.integers(0, 50, (64, 20)),
    "tags": rng.random((64, 4)).astype("float32"),
}
y = {"priority": rng.integers(0, 2, (64, 1)).astype("float32"), "department": rng.integers(0, 3, (64,))}
history = model.fit(x, y, epochs=3, batch_size=16, verbose=0)
for name in sorted(history.history):
    print(name, history.history[name])
print(model.count_params(), [layer.name for layer in model.layers if layer.weights])
print(model.predict(x, verbose=0)["priority"][:4, 0])
