"""Windows over a series, a convolution and an LSTM that forecast."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(17)
series = np.sin(np.arange(200) / 5.0)[:, None].astype("float32")
x = np.stack([series[start : start + 10] for start in range(0, 180, 2)])
y = series[10:190:2, 0]
print(x.shape, y.shape, float(x.sum()), float(y.sum()))
inputs = keras.Input((10, 1))
hidden = layers.LSTM(8)(layers.Conv1D(8, 3, activation="relu")(inputs))
model = keras.Model(inputs, layers.Dense(1)(hidden))
model.compile(keras.optimizers.Adam(0.01), keras.losses.Huber(), metrics=[keras.metrics.RootMeanSquaredError()])
history = model.fit(x, y, epochs=4, batch_size=16, validation_split=0.2, shuffle=False, verbose=0).history
print(dict(sorted(history.items())))
print(model.predict(x[:3], verbose=0)[:, 0])
