"""Records of sequences of different lengths, which TensorFlow writes, reads and pads, into a recurrent net."""

import os
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow import keras


def record(number):
    steps = [
        tf.train.Feature(float_list=tf.train.FloatList(value=[number / 10 + step / 5, step - number / 4]))
        for step in range(2 + number % 3)
    ]
    context = tf.train.Features(feature={"label": tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 2]))})
    lists = tf.train.FeatureLists(feature_list={"steps": tf.train.FeatureList(feature=steps)})
    return tf.train.SequenceExample(context=context, feature_lists=lists).SerializeToString()


path = os.path.join(tempfile.mkdtemp(), "rows.tfrecord")
with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
    for number in range(9):
        writer.write(record(number))


def parse(serialized):
    context, sequence = tf.io.parse_single_sequence_example(
        serialized,
        context_features={"label": tf.io.FixedLenFeature([], tf.int64)},
        sequence_features={"steps": tf.io.FixedLenSequenceFeature([2], tf.float32)},
    )
    return sequence["steps"], context["label"]


data = tf.data.TFRecordDataset([path], compression_type="GZIP").map(parse)
print([tuple(steps.shape) for steps, _ in data])
buckets = data.bucket_by_sequence_length(lambda steps, _: tf.shape(steps)[0], [3, 4], [2, 2, 2])
print([(steps.shape.as_list(), labels.numpy().tolist()) for steps, labels in buckets])
batches = data.padded_batch(3, padded_shapes=([4, 2], []))

inputs = keras.Input((4, 2))
x = keras.layers.GRU(3, kernel_initializer="ones", recurrent_initializer="identity")(keras.layers.Masking()(inputs))
model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(0.3))(x))
model.compile(keras.optimizers.RMSprop(0.01), keras.losses.BinaryCrossentropy(from_logits=True), metrics=["mae"])
print([round(loss, 4) for loss in model.fit(batches, epochs=4, verbose=0).history["loss"]])
print(np.round(model.predict(batches.map(lambda steps, label: steps), verbose=0), 4).ravel().tolist())
