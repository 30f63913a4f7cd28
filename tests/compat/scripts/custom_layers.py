"""Layers of one's own: weights, losses, nested layers, configs."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(5)


@keras.saving.register_keras_serializable(package="Scripts")
class Linear(layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Total(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.total = self.add_weight(initializer="zeros", shape=(width,), trainable=False)

    def call(self, inputs):
        self.total.assign_add(ops.sum(inputs, axis=0))
        return self.total


class Activity(layers.Layer):
    def call(self, inputs):
        self.add_loss(1e-2 * ops.sum(inputs))
        return inputs


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.activity = Linear(8), Linear(1), Activity()

    def call(self, inputs, training=False):
        x = self.activity(ops.relu(self.first(inputs)))
        return self.second(x) if training else self.second(x) * 1.0


total = Total(2)
ones = np.ones((2, 2), "float32")
print(np.array(total(ones)).tolist(), np.array(total(ones)).tolist(), len(total.weights), len(total.trainable_weights))
block = Block()
y = block(np.ones((3, 4), "float32"))
print(len(block.weights), [float(loss) for loss in block.losses])
model = keras.Sequential([keras.Input((4,)), Linear(6), layers.ReLU(), Block()])
model.compile("adam", "mse")
x = np.random.default_rng(0).random((32, 4)).astype("float32")
print(model.fit(x, x.sum(1), epochs=3, verbose=0).history["loss"])
copy = layers.deserialize(layers.serialize(Linear(7, name="mine")))
print(copy.units, copy.name, type(copy).__name__)
