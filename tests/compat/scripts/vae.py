"""A variational autoencoder: sampling in a layer, the divergence with add_loss."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(11)


class Sampling(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        mean, log_var = inputs
        noise = keras.random.normal(shape=ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_var) * noise


class Divergence(layers.Layer):
    def call(self, inputs):
        mean, log_var = inputs
        self.add_loss(-0.5 * ops.mean(log_var - ops.square(mean) - ops.exp(log_var) + 1))
        return inputs


inputs = keras.Input((20,))
hidden = layers.Dense(16, activation="relu")(inputs)
mean, log_var = Divergence()([layers.Dense(2)(hidden), layers.Dense(2)(hidden)])
code = Sampling()([mean, log_var])
outputs = layers.Dense(20, activation="sigmoid")(layers.Dense(16, activation="relu")(code))
vae = keras.Model(inputs, outputs)
vae.compile("adam", "mse")
x = np.random.default_rng(0).random((64, 20)).astype("float32")
print(vae.fit(x, x, epochs=3, batch_size=16, verbose=0).history["loss"])
print(vae.evaluate(x, x, verbose=0), len(vae.losses))
