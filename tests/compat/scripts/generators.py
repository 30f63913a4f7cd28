"""Data from Python generators and PyDatasets."""

import math

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(22)
x = np.random.default_rng(0).random((50, 6)).astype("float32")
y = x.sum(1, keepdims=True)


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, size, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y, self.size = x, y, size

    def __len__(self):
        return math.ceil(len(self.x) / self.size)

    def __getitem__(self, index):
        low = index * self.size
        return self.x[low : low + self.size], self.y[low : low + self.size]


def forever():
    while True:
        for low in range(0, 48, 16):
            yield x[low : low + 16], y[low : low + 16]


model = keras.Sequential([keras.Input((6,)), layers.Dense(4, activation="relu"), layers.Dense(1)])
model.compile("adam", "mse")
print(model.fit(Batches(x, y, 16), epochs=2, shuffle=False, verbose=0).history["loss"])
print(model.fit(forever(), steps_per_epoch=3, epochs=2, verbose=0).history["loss"])
print(model.evaluate(Batches(x, y, 20), verbose=0))
print(model.predict(Batches(x, y, 20), verbose=0).shape)
