"""TFRecords written and read, two shuffles of the data mixed with each other, windows of classes; a model on what comes out."""

import os
import tempfile

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(18)
path = os.path.join(tempfile.mkdtemp(), "train.tfrec")


def image_feature(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[tf.io.encode_png(value).numpy()]))


def create_example(image, number, box):
    feature = {
        "image": image_feature(image),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[number])),
        "box": tf.train.Feature(float_list=tf.train.FloatList(value=box)),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature))


pictures = rng.integers(0, 255, (16, 6, 6, 3)).astype("uint8")
with tf.io.TFRecordWriter(path) as writer:
    for number, picture in enumerate(pictures):
        writer.write(create_example(picture, number % 4, [0.1, number / 16]).SerializeToString())


def parse(example):
    feature_description = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "label": tf.io.FixedLenFeature([], tf.int64),
        "box": tf.io.VarLenFeature(tf.float32),
    }
    example = tf.io.parse_single_example(example, feature_description)
    example["image"] = tf.io.decode_png(example["image"], channels=3)
    example["box"] = tf.sparse.to_dense(example["box"])
    return example


def prepare(features):
    image = tf.cast(features["image"], tf.float32) / 255.0
    return tf.image.resize(image, size=(4, 4)), tf.one_hot(features["label"], 4)


records = tf.data.TFRecordDataset(path, num_parallel_reads=tf.data.AUTOTUNE).map(parse)
for features in records.take(1):
    print({name: tuple(value.shape) for name, value in sorted(features.items())}, features["box"].numpy().round(2))
one = records.map(prepare).batch(4)
two = records.skip(4).concatenate(records.take(4)).map(prepare).batch(4)


def mix_up(ds_one, ds_two, alpha=0.3):
    images_one, labels_one = ds_one
    images_two, labels_two = ds_two
    batch_size = tf.shape(images_one)[0]
    x_l = tf.reshape(tf.fill([batch_size], alpha), (batch_size, 1, 1, 1))
    y_l = tf.reshape(tf.fill([batch_size], alpha), (batch_size, 1))
    return images_one * x_l + images_two * (1 - x_l), labels_one * y_l + labels_two * (1 - y_l)


mixed = tf.data.Dataset.zip((one, two)).map(lambda a, b: mix_up(a, b, alpha=0.3))
for images, labels in mixed.take(1):
    print(images.numpy().mean().round(4), labels.numpy()[0].round(2))
model = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(4, activation="softmax")])
for weight in model.weights:
    weight.assign(rng.normal(0, 0.2, weight.shape))
model.compile(keras.optimizers.SGD(0.3), "categorical_crossentropy", metrics=["accuracy"])
history = model.fit(mixed, epochs=3, verbose=0, validation_data=one).history
for name in sorted(history):
    print(name, [round(value, 4) for value in history[name]])
