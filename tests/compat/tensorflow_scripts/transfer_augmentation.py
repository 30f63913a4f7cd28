"""Transfer learning: pictures augmented in a map, a frozen base with a new head, then all of it at a lower rate."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(12)
images = rng.integers(0, 255, (24, 10, 12, 3)).astype("uint8")
labels = np.arange(24) % 2
images[labels == 1] //= 2


def resize(image, label):
    return tf.image.resize(image, (8, 8)), label


def augment(image, label):
    image = tf.image.flip_left_right(image)
    image = tf.image.central_crop(tf.image.resize_with_crop_or_pad(image, 10, 10), 0.8)
    image = tf.image.adjust_brightness(image / 255.0, 0.05) * 255.0
    return tf.clip_by_value(image, 0.0, 255.0), tf.one_hot(label, 2)


train = (
    tf.data.Dataset.from_tensor_slices((images, labels)).map(resize).map(augment, num_parallel_calls=tf.data.AUTOTUNE)
)
train = train.batch(8).prefetch(tf.data.AUTOTUNE)
base_input = keras.Input((8, 8, 3))
x = layers.Conv2D(6, 3, activation="relu")(base_input)
base_model = keras.Model(base_input, layers.Dense(5, activation="relu")(x), name="base")
for weight in base_model.trainable_weights:
    weight.assign(rng.normal(0, 0.2, weight.shape))
base_model.trainable = False
inputs = keras.Input((8, 8, 3))
x = layers.Rescaling(scale=1 / 127.5, offset=-1)(inputs)
x = base_model(x, training=False)
x = layers.GlobalAveragePooling2D()(x)
head = layers.Dense(2, activation="softmax")
model = keras.Model(inputs, head(x))
head.kernel.assign(rng.normal(0, 0.3, head.kernel.shape))
model.compile(keras.optimizers.Adam(0.02), "categorical_crossentropy", metrics=["accuracy"])
first = model.fit(train, epochs=3, verbose=0).history
print([round(value, 4) for value in first["loss"]], len(model.trainable_weights))
base_model.trainable = True
model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
second = model.fit(train, epochs=2, verbose=0).history
print(
    [round(value, 4) for value in second["loss"]],
    [round(v, 4) for v in second["accuracy"]],
    len(model.trainable_weights),
)
