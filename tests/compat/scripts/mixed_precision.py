"""Half-precision policies, for all layers and for one."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(20)
keras.mixed_precision.set_global_policy("mixed_bfloat16")
inputs = keras.Input((16,))
x = layers.Dense(16, activation="relu")(inputs)
dense = layers.Dense(16, activation="relu")
x = dense(x)
outputs = layers.Dense(3, activation="softmax", dtype="float32")(x)
print(dense.dtype_policy.name, dense.compute_dtype, dense.kernel.dtype, str(x.dtype), str(outputs.dtype))
model = keras.Model(inputs, outputs)
model.compile("adam", "sparse_categorical_crossentropy")
rng = np.random.default_rng(0)
data, labels = rng.random((64, 16)).astype("float32"), rng.integers(0, 3, 64)
print([round(v, 2) for v in model.fit(data, labels, epochs=2, verbose=0).history["loss"]])
keras.mixed_precision.set_global_policy("float32")
scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))
half = keras.Sequential([keras.Input((16,)), layers.Dense(1, dtype="mixed_float16")])
half.compile(scaled, "mse")
print([round(v, 2) for v in half.fit(data, data.sum(1), epochs=2, verbose=0).history["loss"]])
print(keras.config.dtype_policy().name, keras.backend.floatx())
