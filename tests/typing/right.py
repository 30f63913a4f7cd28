"""A program that is right: a type checker must find nothing in it. `test_types.py` gives it to pyright; nobody runs it."""

import jax
import jax.numpy as jnp
import numpy as np

import plait
from plait import callbacks, layers, losses, metrics, multitask, ops, optimizers
from plait.models import Sequential, load_model


class Block(layers.Layer):
    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)

    def build(self, shape):
        self.scale = self.add_weight(shape=(1,), initializer="ones", name="scale")

    def call(self, x, training=False):
        return {"a": self.dense(x) * self.scale, "b": x}

    def get_config(self):
        return {**super().get_config(), "units": 3}


class Own(plait.Model):
    def __init__(self):
        super().__init__()
        self.block = Block(3)
        self.tracker = metrics.Mean(name="m")

    def call(self, inputs, training=None, mask=None):
        return self.block(inputs)["a"]

    def train_step(self, data):
        x, y = data
        return {"loss": self.compute_loss(x, y, self(x, training=True))}

    @property
    def metrics(self):
        return [self.tracker]


x = plait.Input(shape=(4,), name="x")
out = Block(3)(x)
for name, tensor in out.items():
    print(name, tensor.shape)
seq, h, c = layers.LSTM(4, return_sequences=True, return_state=True)(plait.Input((5, 3)))
a, b = multitask.MMoE(layers.Dense(4), 3, 2)(x)
h = layers.Dense(3, "relu", kernel_regularizer="l2", name="h")(x)
h = h * 2 + 1 - h / 2
h = ops.relu(h)[:, :2]
m = plait.Model(inputs=x, outputs={"p": layers.Dense(1)(h), "q": layers.Softmax()(h)})
m.compile(optimizer=optimizers.Adam(1e-3), loss={"p": "mse"}, metrics={"p": ["mae"]})
hist = m.fit({"x": np.ones((3, 4))}, {"p": np.ones((3, 1))}, epochs=2, callbacks=[callbacks.EarlyStopping(patience=2)])
best = min(hist.history["loss"])
results = m.evaluate(np.ones((3, 4)), {"p": np.ones((3, 1))}, return_dict=True)
print(results["loss"])
for k, v in m(np.ones((3, 4))).items():
    print(k, np.asarray(v))
m.optimizer.learning_rate = 1e-4
m.get_layer("h").trainable = False
kernel = m.get_layer("h").kernel
part = plait.Model(m.input, m.get_layer("h").output)
s = Sequential([plait.Input((4,)), layers.Dense(2), layers.Dropout(0.1, seed=1)])
s.add(layers.Dense(1, activation=jax.nn.tanh, dtype="float32"))
s.save("m.keras")
again = load_model("m.keras")
again.summary()
v = plait.Variable(np.zeros(3))
v.assign_add(jnp.ones(3))
w = v + 1
z = v[0] > 2


@plait.op
def scale(x, factor: float = 2.0):
    return x * factor


y = scale(h, factor=3.0)
layers.Conv2D(8, 3, strides=(2, 2), padding="same", input_shape=(8, 8, 3), data_format="channels_last")
layers.Bidirectional(layers.LSTM(4))
layers.TimeDistributed(layers.Dense(3))
loss = losses.MeanSquaredError(reduction="sum", name="l")(np.ones(3), np.ones(3))
float(loss)
m.layers["h"]
m.layers[0].name
[w.path for w in m.trainable_weights]
if m.history is not None:
    print(m.history.history)
    print(m.history.history)
