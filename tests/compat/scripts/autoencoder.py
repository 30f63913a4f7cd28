"""Encoder, decoder and the two as one model, with upsampling and transposed convolutions."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(10)
images = np.random.default_rng(0).random((48, 16, 16, 1)).astype("float32")
encoder_input = keras.Input((16, 16, 1), name="img")
x = layers.Conv2D(4, 3, activation="relu")(encoder_input)
x = layers.Conv2D(4, 3, activation="relu")(x)
x = layers.MaxPooling2D(3)(x)
encoder_output = layers.GlobalMaxPooling2D()(x)
encoder = keras.Model(encoder_input, encoder_output, name="encoder")
decoder_input = keras.Input((4,), name="code")
x = layers.Reshape((2, 2, 1))(decoder_input)
x = layers.Conv2DTranspose(4, 3, activation="relu")(x)
x = layers.UpSampling2D(2)(x)
x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(x)
decoder_output = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
decoder = keras.Model(decoder_input, decoder_output, name="decoder")
autoencoder = keras.Model(encoder_input, decoder(encoder(encoder_input)), name="autoencoder")
print(decoder.output_shape, autoencoder.count_params())
autoencoder.compile("adam", "binary_crossentropy")
print(autoencoder.fit(images, images, epochs=2, batch_size=16, verbose=0).history["loss"])
print(float(encoder.predict(images, verbose=0).mean()))
noisy = keras.Sequential([keras.Input((16, 16, 1)), layers.GaussianNoise(0.1), autoencoder])
noisy.compile("adam", "mse")
print(noisy.fit(images, images, epochs=1, batch_size=16, verbose=0).history["loss"])
