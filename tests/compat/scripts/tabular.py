"""Structured data: normalisation, categories, bins."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(15)
rng = np.random.default_rng(0)
age = rng.integers(20, 80, (64, 1)).astype("float32")
kind = rng.choice(["fixed", "normal", "reversible"], (64, 1))
vessels = rng.integers(0, 4, (64, 1))
target = ((age > 50).astype("float32") + rng.random((64, 1)) > 1.0).astype("float32")
scaled = layers.Normalization()
scaled.adapt(age)
print(float(scaled.mean[0, 0]), float(scaled.variance[0, 0]))
codes = np.unique(kind, return_inverse=True)[1].reshape(-1, 1)
one_hot = layers.CategoryEncoding(num_tokens=3, output_mode="one_hot")
bins = layers.Discretization(bin_boundaries=[30.0, 45.0, 60.0])
numbers = layers.CategoryEncoding(num_tokens=4, output_mode="multi_hot")
print(np.array(bins(age))[:8, 0].tolist(), np.array(numbers(vessels)).sum(0).tolist())
inputs = {"age": keras.Input((1,), name="age"), "kind": keras.Input((1,), dtype="int32", name="kind")}
x = layers.concatenate([scaled(inputs["age"]), one_hot(inputs["kind"])])
x = layers.Dropout(0.3)(layers.Dense(16, activation="relu")(x))
model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
history = model.fit({"age": age, "kind": codes}, target, epochs=3, batch_size=16, verbose=0).history
print(dict(sorted(history.items())))
