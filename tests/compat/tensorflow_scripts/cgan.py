"""A conditional GAN: labels as channels of pictures, two optimizers, a step with two tapes."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(0)


def settle(model):
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.1, weight.shape))


discriminator = keras.Sequential(
    [
        keras.Input((8, 8, 4)),
        layers.Conv2D(8, 3, strides=2, padding="same"),
        layers.LeakyReLU(negative_slope=0.2),
        layers.GlobalMaxPooling2D(),
        layers.Dense(1),
    ]
)
generator = keras.Sequential(
    [
        keras.Input((7,)),
        layers.Dense(4 * 4 * 7),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Reshape((4, 4, 7)),
        layers.Conv2DTranspose(8, 4, strides=2, padding="same"),
        layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    ]
)
for net in (discriminator, generator):
    settle(net)


class ConditionalGAN(keras.Model):
    def __init__(self, discriminator, generator):
        super().__init__()
        self.discriminator, self.generator = discriminator, generator
        self.gen_loss_tracker = keras.metrics.Mean(name="generator_loss")
        self.disc_loss_tracker = keras.metrics.Mean(name="discriminator_loss")

    @property
    def metrics(self):
        return [self.gen_loss_tracker, self.disc_loss_tracker]

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    def train_step(self, data):
        real_images, one_hot_labels, noise = data
        planes = one_hot_labels[:, :, None, None]
        planes = tf.repeat(planes, repeats=[8 * 8])
        planes = tf.reshape(planes, (-1, 3, 8, 8))
        planes = tf.transpose(planes, (0, 2, 3, 1))
        batch_size = tf.shape(real_images)[0]
        latent = tf.concat([noise, one_hot_labels], axis=1)
        fake = tf.concat([self.generator(latent), planes], -1)
        real = tf.concat([real_images, planes], -1)
        combined = tf.concat([fake, real], axis=0)
        labels = tf.concat([tf.ones((batch_size, 1)), tf.zeros((batch_size, 1))], axis=0)
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(combined))
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(grads, self.discriminator.trainable_weights))
        with tf.GradientTape() as tape:
            fake = tf.concat([self.generator(latent), planes], -1)
            g_loss = self.loss_fn(tf.zeros((batch_size, 1)), self.discriminator(fake))
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights))
        self.gen_loss_tracker.update_state(g_loss)
        self.disc_loss_tracker.update_state(d_loss)
        return {"g_loss": self.gen_loss_tracker.result(), "d_loss": self.disc_loss_tracker.result()}


images = rng.uniform(size=(32, 8, 8, 1)).astype("float32")
labels = keras.utils.to_categorical(np.arange(32) % 3, 3).astype("float32")
noise = rng.normal(size=(32, 4)).astype("float32")
dataset = tf.data.Dataset.from_tensor_slices((images, labels, noise)).batch(8)
gan = ConditionalGAN(discriminator, generator)
gan.compile(
    keras.optimizers.Adam(0.003), keras.optimizers.Adam(0.003), keras.losses.BinaryCrossentropy(from_logits=True)
)
history = gan.fit(dataset, epochs=3, verbose=0).history
for name in sorted(history):
    print(name, [round(float(value), 4) for value in history[name]])
print("fake", np.round(gan.generator.predict(np.ones((1, 7), "float32"), verbose=0).mean(), 4))
