"""A series in windows by tf.data: window, flat_map, map, batch; a forecast with a recurrent net."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(8)
series = (np.sin(np.arange(60) / 4) + 0.1 * rng.normal(size=60)).astype("float32")
window_size, batch_size = 6, 16


def windowed_dataset(series, window_size, batch_size):
    dataset = tf.data.Dataset.from_tensor_slices(tf.expand_dims(series, axis=-1))
    dataset = dataset.window(window_size + 1, shift=1, drop_remainder=True)
    dataset = dataset.flat_map(lambda window: window.batch(window_size + 1))
    dataset = dataset.map(lambda window: (window[:-1], window[-1:, 0]))
    return dataset.batch(batch_size).prefetch(1)


train = windowed_dataset(series[:50], window_size, batch_size)
for x, y in train.take(1):
    print(x.shape, y.shape, x.numpy()[0, :, 0].round(3), y.numpy()[0].round(3))
model = keras.Sequential([keras.Input((window_size, 1)), layers.LSTM(6), layers.Dense(1)])
for weight in model.weights:
    weight.assign(rng.normal(0, 0.3, weight.shape))
model.compile(loss=keras.losses.Huber(), optimizer=keras.optimizers.SGD(0.05, momentum=0.9), metrics=["mae"])
history = model.fit(train, epochs=4, verbose=0).history
print([round(value, 4) for value in history["loss"]], [round(value, 4) for value in history["mae"]])
forecast = tf.data.Dataset.from_tensor_slices(series[40:][:, None])
forecast = forecast.window(window_size, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(window_size)).batch(32)
print(model.predict(forecast, verbose=0)[:3, 0].round(4))
inputs = keras.utils.timeseries_dataset_from_array(series[:-1], None, 5, batch_size=8)
targets = keras.utils.timeseries_dataset_from_array(series[5:], None, 1, batch_size=8)
for x, y in tf.data.Dataset.zip((inputs, targets)).take(1):
    print(x.numpy().shape, y.numpy().shape, float(y[0, 0]) == float(series[5]))
