"""Whole models, weights alone, configs, checkpoints, functions of one's own."""

import os
import tempfile

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(8)
folder = tempfile.mkdtemp()


@keras.saving.register_keras_serializable()
def doubled(x):
    return 2.0 * keras.ops.relu(x)


inputs = keras.Input((6,))
outputs = layers.Dense(2)(layers.Dense(4, activation=doubled)(inputs))
model = keras.Model(inputs, outputs)
model.compile("adam", "mse", metrics=["mae"])
x = np.random.default_rng(0).random((32, 6)).astype("float32")
y = x[:, :2]
path = os.path.join(folder, "best.keras")
model.fit(
    x,
    y,
    epochs=2,
    verbose=0,
    callbacks=[keras.callbacks.ModelCheckpoint(path, save_best_only=True, monitor="loss")],
)
again = keras.models.load_model(path)
print(np.abs(again.predict(x, verbose=0) - model.predict(x, verbose=0)).max())
print(again.optimizer.iterations.numpy() if hasattr(again.optimizer.iterations, "numpy") else None)
print(again.fit(x, y, epochs=1, verbose=0).history["loss"])
model.save_weights(os.path.join(folder, "it.weights.h5"))
clone = keras.models.clone_model(model)
clone.load_weights(os.path.join(folder, "it.weights.h5"))
print(np.allclose(clone.predict(x, verbose=0), model.predict(x, verbose=0)))
rebuilt = keras.Model.from_config(model.get_config())
rebuilt.set_weights(model.get_weights())
print(np.allclose(rebuilt.predict(x, verbose=0), model.predict(x, verbose=0)))
from_json = keras.models.model_from_json(model.to_json())
print([layer.__class__.__name__ for layer in from_json.layers], from_json.count_params())
print(sorted(os.listdir(folder)))
