"""A variational autoencoder with a step of its own; the noise comes with the data, so that numbers are determined."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(1)


class Sampling(layers.Layer):
    def call(self, inputs):
        z_mean, z_log_var, epsilon = inputs
        return z_mean + tf.exp(0.5 * z_log_var) * epsilon


image, epsilon = keras.Input((8, 8, 1)), keras.Input((2,))
x = layers.Conv2D(8, 3, activation="relu", strides=2, padding="same")(image)
x = layers.Dense(8, activation="relu")(layers.Flatten()(x))
z_mean, z_log_var = layers.Dense(2, name="z_mean")(x), layers.Dense(2, name="z_log_var")(x)
encoder = keras.Model([image, epsilon], [z_mean, z_log_var, Sampling()([z_mean, z_log_var, epsilon])], name="encoder")
latent = keras.Input((2,))
x = layers.Reshape((4, 4, 2))(layers.Dense(4 * 4 * 2, activation="relu")(latent))
decoder = keras.Model(
    latent, layers.Conv2DTranspose(1, 3, strides=2, activation="sigmoid", padding="same")(x), name="decoder"
)
for model in (encoder, decoder):
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.2, weight.shape))


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.total_loss_tracker = keras.metrics.Mean(name="total_loss")
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction_loss")
        self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")

    @property
    def metrics(self):
        return [self.total_loss_tracker, self.reconstruction_loss_tracker, self.kl_loss_tracker]

    def train_step(self, data):
        images, noise = data
        with tf.GradientTape() as tape:
            z_mean, z_log_var, z = self.encoder([images, noise])
            reconstruction = self.decoder(z)
            reconstruction_loss = tf.reduce_mean(
                tf.reduce_sum(keras.losses.binary_crossentropy(images, reconstruction), axis=(1, 2))
            )
            kl_loss = -0.5 * (1 + z_log_var - tf.square(z_mean) - tf.exp(z_log_var))
            kl_loss = tf.reduce_mean(tf.reduce_sum(kl_loss, axis=1))
            total_loss = reconstruction_loss + kl_loss
        grads = tape.gradient(total_loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
        self.total_loss_tracker.update_state(total_loss)
        self.reconstruction_loss_tracker.update_state(reconstruction_loss)
        self.kl_loss_tracker.update_state(kl_loss)
        return {m.name: m.result() for m in self.metrics}


images = rng.uniform(size=(48, 8, 8, 1)).astype("float32")
noise = rng.normal(size=(48, 2)).astype("float32")
vae = VAE(encoder, decoder)
vae.compile(optimizer=keras.optimizers.Adam(0.01))
history = vae.fit(images, noise, epochs=3, batch_size=16, shuffle=False, verbose=0).history
for name in sorted(history):
    print(name, [round(float(value), 4) for value in history[name]])
print(vae.decoder.predict(np.zeros((1, 2)), verbose=0)[0, 0, :3, 0].round(4))
