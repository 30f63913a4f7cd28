"""What the guides show of making layers, losses and metrics of one's own, and of data in its many forms."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(2)
rng = np.random.default_rng(0)
x = rng.normal(size=(120, 12)).astype("float32")
y = rng.integers(0, 4, 120)


class Linear(layers.Layer):
    def __init__(self, units=8, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", name="b")

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Sums(layers.Layer):
    def __init__(self, size):
        super().__init__()
        self.total = self.add_weight(initializer="zeros", shape=(size,), trainable=False)

    def call(self, inputs):
        self.total.assign_add(ops.sum(inputs, axis=0))
        return self.total


class SumLoss(layers.Layer):
    def call(self, inputs):
        self.add_loss(1e-2 * ops.sum(inputs))
        return inputs


class TruePositives(keras.metrics.Metric):
    def __init__(self, name="true_positives", **kwargs):
        super().__init__(name=name, **kwargs)
        self.count = self.add_variable(shape=(), name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        found = ops.equal(ops.cast(ops.reshape(y_true, (-1,)), "int32"), ops.cast(ops.argmax(y_pred, axis=1), "int32"))
        self.count.assign_add(ops.sum(ops.cast(found, "float32")))

    def result(self):
        return self.count.value

    def reset_state(self):
        self.count.assign(0)


class NearHalf(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred), axis=-1) + 0.1 * ops.mean(ops.square(0.5 - y_pred), axis=-1)


class Pieces(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return x[index * 32 : (index + 1) * 32], y[index * 32 : (index + 1) * 32]


class Losses(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])


linear = Linear(4)
print(np.round(np.array(linear(ops.ones((2, 2)))), 4), Linear.from_config(linear.get_config()).units)
sums = Sums(2)
sums(ops.ones((2, 2)))
print(np.array(sums(ops.ones((2, 2)))), len(sums.non_trainable_weights))
with_loss = SumLoss()
print(len(with_loss.losses))
with_loss(ops.ones((1, 1)))
with_loss(ops.ones((2, 1)))
print(len(with_loss.losses), float(with_loss.losses[0]))


def make(loss, **options):
    inputs = keras.Input((12,), name="digits")
    hidden = layers.Dense(16, activation="relu", name="first", kernel_regularizer="l2")(inputs)
    outputs = layers.Dense(4, activation="softmax", name="predictions")(Linear(16)(hidden))
    model = keras.Model(inputs, outputs)
    model.compile("adam", loss, **options)
    return model


def show(history):
    for name in sorted(history.history):
        print(name, np.round(history.history[name], 3))


model = make(keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy", TruePositives()])
show(model.fit(x, y, batch_size=32, epochs=2, validation_split=0.2, verbose=0))
show(model.fit(x, y, class_weight={0: 1.0, 1: 1.0, 2: 3.0, 3: 1.0}, verbose=0))
show(model.fit(Pieces(), verbose=0, shuffle=False))
show(make(NearHalf()).fit(x, np.eye(4)[y], verbose=0))
weights = np.where(y == 2, 3.0, 1.0)
weighted = make("sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
show(weighted.fit(x, y, sample_weight=weights, verbose=0))
watch = Losses()
model.fit(x, y, batch_size=50, verbose=0, shuffle=False, callbacks=[watch])
print(np.round(watch.losses, 3))
model.optimizer.learning_rate = 0.5
print(float(model.optimizer.learning_rate.numpy()), model.get_layer("first").name, [w.path for w in model.weights][:2])
