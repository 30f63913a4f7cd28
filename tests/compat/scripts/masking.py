"""Masks from Embedding and Masking reach recurrent layers and losses."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(3)
raw = [[711, 632, 71], [73, 8, 3215, 55, 927], [83, 91, 1, 645, 1253, 927]]
padded = keras.utils.pad_sequences(raw, padding="post")
print(padded.tolist())
embedding = layers.Embedding(5000, 16, mask_zero=True)
print(np.array(embedding.compute_mask(padded)).astype(int).tolist())
inputs = keras.Input((None,), dtype="int32")
x = embedding(inputs)
x = layers.LSTM(8, return_sequences=True)(x)
x = layers.Bidirectional(layers.GRU(4))(x)
model = keras.Model(inputs, layers.Dense(1)(x))
print(model.predict(padded, verbose=0)[:, 0])
steps = np.random.default_rng(0).random((6, 5, 3)).astype("float32")
steps[2:, 3:] = 0.0
inputs = keras.Input((5, 3))
x = layers.Masking()(inputs)
outputs = layers.TimeDistributed(layers.Dense(2))(layers.SimpleRNN(4, return_sequences=True)(x))
tagger = keras.Model(inputs, outputs)
tagger.compile("sgd", "mse")
print(tagger.fit(steps, np.ones((6, 5, 2)), epochs=3, batch_size=3, verbose=0).history["loss"])


class Zeroed(layers.Layer):
    def __init__(self):
        super().__init__()
        self.supports_masking = True

    def call(self, inputs, mask=None):
        return inputs if mask is None else inputs * keras.ops.cast(keras.ops.expand_dims(mask, -1), "float32")


print(float(keras.ops.sum(Zeroed()(layers.Masking()(steps)))))
