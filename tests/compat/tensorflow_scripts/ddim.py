"""Denoising diffusion: a cosine schedule, normalised pictures, a copy of the net that follows by an average, `test_step`."""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(3)
size, ema = 8, 0.9


@keras.saving.register_keras_serializable()
def sinusoidal_embedding(x):
    frequencies = tf.exp(tf.linspace(tf.math.log(1.0), tf.math.log(100.0), 4))
    angular_speeds = tf.cast(2.0 * math.pi * frequencies, "float32")
    return tf.concat([tf.sin(angular_speeds * x), tf.cos(angular_speeds * x)], axis=3)


def get_network():
    noisy_images, noise_variances = keras.Input((size, size, 1)), keras.Input((1, 1, 1))
    e = layers.Lambda(sinusoidal_embedding, output_shape=(1, 1, 8))(noise_variances)
    e = layers.UpSampling2D(size=size, interpolation="nearest")(e)
    x = layers.Concatenate()([layers.Conv2D(8, kernel_size=1)(noisy_images), e])
    x = layers.Conv2D(8, kernel_size=3, padding="same", activation="swish")(x)
    x = layers.Add()([x, layers.Conv2D(8, kernel_size=3, padding="same", activation="swish")(x)])
    return keras.Model([noisy_images, noise_variances], layers.Conv2D(1, 1)(x), name="residual_unet")


class DiffusionModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.normalizer = layers.Normalization()
        self.network = get_network()
        for weight in self.network.weights:
            weight.assign(rng.normal(0, 0.1, weight.shape))
        self.ema_network = keras.models.clone_model(self.network)
        self.ema_network.set_weights(self.network.get_weights())

    def compile(self, **kwargs):
        super().compile(**kwargs)
        self.noise_loss_tracker = keras.metrics.Mean(name="n_loss")
        self.image_loss_tracker = keras.metrics.Mean(name="i_loss")

    @property
    def metrics(self):
        return [self.noise_loss_tracker, self.image_loss_tracker]

    def diffusion_schedule(self, diffusion_times):
        start_angle, end_angle = tf.cast(tf.math.acos(0.95), "float32"), tf.cast(tf.math.acos(0.02), "float32")
        angles = start_angle + diffusion_times * (end_angle - start_angle)
        return tf.sin(angles), tf.cos(angles)

    def denoise(self, noisy_images, noise_rates, signal_rates, training):
        network = self.network if training else self.ema_network
        pred_noises = network([noisy_images, noise_rates**2], training=training)
        return pred_noises, (noisy_images - noise_rates * pred_noises) / signal_rates

    def prepared(self, data):
        images, noises, times = data
        images = self.normalizer(images, training=True)
        noise_rates, signal_rates = self.diffusion_schedule(times)
        return images, noises, signal_rates * images + noise_rates * noises, noise_rates, signal_rates

    def train_step(self, data):
        images, noises, noisy_images, noise_rates, signal_rates = self.prepared(data)
        with tf.GradientTape() as tape:
            pred_noises, pred_images = self.denoise(noisy_images, noise_rates, signal_rates, training=True)
            noise_loss, image_loss = self.loss(noises, pred_noises), self.loss(images, pred_images)
        gradients = tape.gradient(noise_loss, self.network.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.network.trainable_weights))
        self.noise_loss_tracker.update_state(noise_loss)
        self.image_loss_tracker.update_state(image_loss)
        for weight, ema_weight in zip(self.network.weights, self.ema_network.weights):
            ema_weight.assign(ema * ema_weight + (1 - ema) * weight)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data):
        images, noises, noisy_images, noise_rates, signal_rates = self.prepared(data)
        pred_noises, pred_images = self.denoise(noisy_images, noise_rates, signal_rates, training=False)
        self.noise_loss_tracker.update_state(self.loss(noises, pred_noises))
        self.image_loss_tracker.update_state(self.loss(images, pred_images))
        return {m.name: m.result() for m in self.metrics}


images = rng.uniform(size=(24, size, size, 1)).astype("float32")
noises = rng.normal(size=images.shape).astype("float32")
times = rng.uniform(size=(24, 1, 1, 1)).astype("float32")
dataset = tf.data.Dataset.from_tensor_slices((images, noises, times)).batch(8)
model = DiffusionModel()
model.compile(
    optimizer=keras.optimizers.AdamW(learning_rate=1e-2, weight_decay=1e-4), loss=keras.losses.mean_absolute_error
)
model.normalizer.adapt(images)
model.loss = lambda a, b: tf.reduce_mean(tf.abs(a - b))
history = model.fit(dataset, epochs=2, validation_data=dataset, verbose=0).history
for name in sorted(history):
    print(name, [round(float(value), 4) for value in history[name]])
