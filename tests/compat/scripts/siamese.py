"""Two towers that share their weights, a distance, a contrastive loss."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(9)


def contrastive(margin=1.0):
    def loss(y_true, y_pred):
        return ops.mean((1 - y_true) * ops.square(y_pred) + y_true * ops.square(ops.maximum(margin - y_pred, 0)))

    return loss


inputs = keras.Input((12, 12, 1))
x = layers.Conv2D(4, 3, activation="tanh")(layers.BatchNormalization()(inputs))
x = layers.Dense(5, activation="tanh")(layers.Flatten()(layers.AveragePooling2D(2)(x)))
tower = keras.Model(inputs, x, name="tower")
left, right = keras.Input((12, 12, 1)), keras.Input((12, 12, 1))
distance = layers.Lambda(
    lambda pair: ops.sqrt(ops.maximum(ops.sum(ops.square(pair[0] - pair[1]), axis=1, keepdims=True), 1e-7)),
    output_shape=(1,),
)([tower(left), tower(right)])
model = keras.Model([left, right], layers.Dense(1, activation="sigmoid")(layers.BatchNormalization()(distance)))
model.compile(loss=contrastive(), optimizer="RMSprop", metrics=["accuracy"])
rng = np.random.default_rng(0)
pairs = [rng.random((64, 12, 12, 1)).astype("float32") for _ in range(2)]
labels = rng.integers(0, 2, (64, 1)).astype("float32")
history = model.fit(pairs, labels, validation_split=0.25, epochs=2, batch_size=16, verbose=0).history
print(dict(sorted(history.items())))
print(model.count_params(), len(tower.weights))
