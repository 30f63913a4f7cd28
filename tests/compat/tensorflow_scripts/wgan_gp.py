"""A Wasserstein GAN with a penalty on gradients: a tape inside of a tape, several steps of the critic for one of the generator."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(2)
critic = keras.Sequential([keras.Input((6,)), layers.Dense(12, activation="tanh"), layers.Dense(1)])
generator = keras.Sequential([keras.Input((3,)), layers.Dense(8, activation="relu"), layers.Dense(6)])
for model in (critic, generator):
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))


class WGAN(keras.Model):
    def __init__(self, discriminator, generator, discriminator_extra_steps=2, gp_weight=10.0):
        super().__init__()
        self.discriminator, self.generator = discriminator, generator
        self.d_steps, self.gp_weight = discriminator_extra_steps, gp_weight

    def compile(self, d_optimizer, g_optimizer, d_loss_fn, g_loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.d_loss_fn, self.g_loss_fn = d_loss_fn, g_loss_fn

    def gradient_penalty(self, batch_size, real, fake, alpha):
        interpolated = real + alpha * (fake - real)
        with tf.GradientTape() as gp_tape:
            gp_tape.watch(interpolated)
            pred = self.discriminator(interpolated, training=True)
        grads = gp_tape.gradient(pred, [interpolated])[0]
        norm = tf.sqrt(tf.reduce_sum(tf.square(grads), axis=[1]))
        return tf.reduce_mean((norm - 1.0) ** 2)

    def train_step(self, data):
        real, noise, alpha = data
        batch_size = tf.shape(real)[0]
        for _ in range(self.d_steps):
            with tf.GradientTape() as tape:
                fake = self.generator(noise, training=True)
                fake_logits = self.discriminator(fake, training=True)
                real_logits = self.discriminator(real, training=True)
                d_cost = self.d_loss_fn(real_img=real_logits, fake_img=fake_logits)
                gp = self.gradient_penalty(batch_size, real, fake, alpha)
                d_loss = d_cost + gp * self.gp_weight
            d_gradient = tape.gradient(d_loss, self.discriminator.trainable_variables)
            self.d_optimizer.apply_gradients(zip(d_gradient, self.discriminator.trainable_variables))
        with tf.GradientTape() as tape:
            gen_logits = self.discriminator(self.generator(noise, training=True), training=True)
            g_loss = self.g_loss_fn(gen_logits)
        gen_gradient = tape.gradient(g_loss, self.generator.trainable_variables)
        self.g_optimizer.apply_gradients(zip(gen_gradient, self.generator.trainable_variables))
        return {"d_loss": d_loss, "g_loss": g_loss, "gp": gp}


def discriminator_loss(real_img, fake_img):
    return tf.reduce_mean(fake_img) - tf.reduce_mean(real_img)


wgan = WGAN(critic, generator)
wgan.compile(
    keras.optimizers.Adam(learning_rate=0.002, beta_1=0.5, beta_2=0.9),
    keras.optimizers.Adam(learning_rate=0.002, beta_1=0.5, beta_2=0.9),
    discriminator_loss,
    lambda fake_img: -tf.reduce_mean(fake_img),
)
rows = [rng.normal(size=(40, n)).astype("float32") for n in (6, 3)]
dataset = tf.data.Dataset.from_tensor_slices((*rows, rng.uniform(size=(40, 1)).astype("float32"))).batch(20)
history = wgan.fit(dataset, epochs=4, verbose=0).history
for name in sorted(history):
    print(name, [round(float(value), 4) for value in history[name]])
