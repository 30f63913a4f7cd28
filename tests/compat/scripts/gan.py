"""A GAN: two models, two optimizers, `train_on_batch` in turn."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(12)
discriminator = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(8, 3, strides=2, padding="same"),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ],
    name="discriminator",
)
discriminator.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), "binary_crossentropy")
generator = keras.Sequential(
    [
        keras.Input((6,)),
        layers.Dense(4 * 4 * 8),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Reshape((4, 4, 8)),
        layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="sigmoid"),
    ],
    name="generator",
)
frozen = keras.models.clone_model(discriminator)
frozen.trainable = False
noise = keras.Input((6,))
gan = keras.Model(noise, frozen(generator(noise)))
gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), "binary_crossentropy")
rng = np.random.default_rng(0)
for step in range(4):
    latent = rng.normal(size=(16, 6)).astype("float32")
    fakes = generator.predict(latent, verbose=0)
    reals = rng.random((16, 8, 8, 1)).astype("float32")
    d_loss = discriminator.train_on_batch(np.concatenate([fakes, reals]), np.repeat([1.0, 0.0], 16)[:, None])
    frozen.set_weights(discriminator.get_weights())
    g_loss = gan.train_on_batch(latent, np.zeros((16, 1)))
    print(step, float(d_loss), float(g_loss))
