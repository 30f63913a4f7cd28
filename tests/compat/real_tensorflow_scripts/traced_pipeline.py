"""A pipeline whose function has branches and loops over tensors, pictures encoded and decoded, and Keras's layers inside `map`."""

import os
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow import keras

folder = tempfile.mkdtemp()
for number in range(8):
    picture = np.arange(12 * 10 * 3).reshape(12, 10, 3) * (number + 1) % 256
    png = tf.io.encode_png(tf.constant(picture.astype("uint8")))
    tf.io.write_file(os.path.join(folder, f"{number % 2}_{number}.png"), png)

resize = keras.Sequential([keras.layers.Resizing(8, 8), keras.layers.Rescaling(1 / 255.0)])


def read(path):
    label = tf.strings.to_number(tf.strings.split(tf.strings.split(path, os.sep)[-1], "_")[0], tf.int32)
    picture = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
    picture.set_shape((None, None, 3))
    return picture, label


def augment(picture, label):
    if label > 0:
        picture = tf.image.flip_left_right(picture)
    total = tf.constant(0, tf.int32)
    for row in tf.range(tf.shape(picture)[0]):
        if tf.reduce_max(picture[row]) > 200:
            total += 1
    picture = tf.image.stateless_random_brightness(tf.cast(picture, tf.float32) / 255.0, 0.2, seed=(label, 3)) * 255.0
    return picture, label, total


files = tf.data.Dataset.list_files(os.path.join(folder, "*.png"), shuffle=False)
data = files.map(read, num_parallel_calls=2).map(augment).cache()
print([int(total) for _, _, total in data], [int(label) for _, label, _ in data])
batches = data.map(lambda picture, label, total: (picture, label)).batch(4)
batches = batches.map(lambda pictures, labels: (resize(pictures), tf.one_hot(labels, 2))).prefetch(tf.data.AUTOTUNE)
print(batches.element_spec[0].shape.as_list(), len(batches), int(batches.cardinality()))
for pictures, labels in batches.take(1):
    print(np.round(tf.reduce_mean(pictures, axis=(1, 2)).numpy(), 4).tolist(), labels.numpy().tolist())

prepared = data.map(lambda picture, label, total: keras.applications.resnet50.preprocess_input(picture))
prepared = prepared.map(lambda picture: keras.ops.mean(keras.activations.relu(picture), axis=(0, 1)))
print(np.round(next(iter(prepared)).numpy(), 2).tolist())

inputs = keras.Input((8, 8, 3))
x = keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer=keras.initializers.Constant(0.05))(inputs)
x = keras.layers.GlobalAveragePooling2D()(x)
model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros")(x))
model.compile(keras.optimizers.Adam(0.05), "categorical_crossentropy")
print([round(loss, 4) for loss in model.fit(batches, epochs=4, verbose=0).history["loss"]])
optimizer = keras.optimizers.SGD(0.1)
for pictures, labels in batches:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(labels - model(pictures, training=True)))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    print(round(float(loss), 4))
