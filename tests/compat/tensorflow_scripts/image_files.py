"""Pictures from files: paths, labels from the path, decoding and resizing in a map, a small net."""

import os
import tempfile

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from PIL import Image

rng = np.random.default_rng(5)
folder = tempfile.mkdtemp()
class_names = np.array(["cat", "dog"])
for name in class_names:
    os.makedirs(os.path.join(folder, name))
    for number in range(6):
        picture = rng.integers(0, 120, (9 + number, 11, 3)) + (100 if name == "dog" else 0)
        Image.fromarray(picture.astype("uint8")).save(os.path.join(folder, name, f"{number}.png"))


def get_label(file_path):
    parts = tf.strings.split(file_path, os.path.sep)
    one_hot = parts[-2] == class_names
    return tf.argmax(one_hot)


def decode_img(img):
    img = tf.io.decode_png(img, channels=3)
    img = tf.image.convert_image_dtype(img, tf.float32)
    return tf.image.resize(img, [8, 8])


def process_path(file_path):
    return decode_img(tf.io.read_file(file_path)), get_label(file_path)


files = tf.data.Dataset.list_files(os.path.join(folder, "*", "*.png"), shuffle=False)
dataset = files.map(process_path, num_parallel_calls=tf.data.AUTOTUNE)
for image, label in dataset.take(1):
    print("Image shape: ", image.numpy().shape, "Label: ", label.numpy())
    print(np.round(image.numpy().mean(), 4), image.dtype == tf.float32)
batches = dataset.cache().batch(4).prefetch(buffer_size=tf.data.AUTOTUNE)
model = keras.Sequential(
    [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(2)]
)
for weight in model.weights:
    weight.assign(rng.normal(0, 0.2, weight.shape))
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
history = model.fit(batches, epochs=3, verbose=0).history
print([round(value, 4) for value in history["loss"]], [round(value, 4) for value in history["accuracy"]])
print(tf.nn.softmax(model.predict(batches, verbose=0)[0]).numpy().round(4))
