"""A model as a class: call with training, add_loss, a metric of one's own, weights by name."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(23)


class Squares(keras.metrics.Metric):
    def __init__(self, name="squares", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable(shape=(), initializer="zeros", name="total")
        self.count = self.add_variable(shape=(), initializer="zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(ops.sum(ops.square(y_true - y_pred)))
        self.count.assign_add(ops.cast(ops.shape(y_true)[0], "float32"))

    def result(self):
        return self.total / self.count


class Residual(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.inner = [layers.Dense(width, activation="relu") for _ in range(2)]

    def call(self, x):
        y = x
        for layer in self.inner:
            y = layer(y)
        return x + y


class Network(keras.Model):
    def __init__(self, width=8):
        super().__init__(name="network")
        self.first = layers.Dense(width)
        self.dropout = layers.Dropout(0.5)
        self.blocks = [Residual(width) for _ in range(2)]
        self.last = layers.Dense(1)

    def call(self, inputs, training=False):
        x = self.dropout(self.first(inputs), training=training)
        for block in self.blocks:
            x = block(x)
        self.add_loss(1e-3 * ops.sum(ops.square(x)))
        return self.last(x)


model = Network()
x = np.random.default_rng(0).random((64, 5)).astype("float32")
y = x.sum(1, keepdims=True)
model.compile("adam", "mse", metrics=[Squares()])
history = model.fit(x, y, epochs=3, batch_size=16, verbose=0).history
print(dict(sorted(history.items())))
print(model.count_params(), len(model.trainable_variables), [layer.name for layer in model.layers])
print(model.predict(x[:2], verbose=0)[:, 0], float(ops.sum(model(x[:2], training=False))))
