"""Sound: WAV files, spectrograms by `tf.signal`, labels from paths, a net on spectra."""

import os
import tempfile

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(24)
folder = tempfile.mkdtemp()
commands = np.array(["high", "low"])
for name, speed in zip(commands, (0.9, 0.2)):
    os.makedirs(os.path.join(folder, name))
    for number in range(4):
        wave = 0.4 * np.sin(np.arange(400 + 10 * number) * speed) + 0.05 * rng.normal(size=400 + 10 * number)
        tf.io.write_file(
            os.path.join(folder, name, f"{number}.wav"), tf.audio.encode_wav(wave[:, None].astype("float32"), 8000)
        )


def decode_audio(audio_binary):
    audio, _ = tf.audio.decode_wav(contents=audio_binary)
    return tf.squeeze(audio, axis=-1)


def get_spectrogram(waveform, input_len=410):
    waveform = waveform[:input_len]
    zero_padding = tf.zeros([input_len] - tf.shape(waveform), dtype=tf.float32)
    equal_length = tf.concat([tf.cast(waveform, tf.float32), zero_padding], 0)
    spectrogram = tf.abs(tf.signal.stft(equal_length, frame_length=64, frame_step=32))
    return spectrogram[..., tf.newaxis]


def prepare(path):
    label = tf.argmax(tf.strings.split(path, os.path.sep)[-2] == commands)
    return get_spectrogram(decode_audio(tf.io.read_file(path))), label


files = sorted(tf.io.gfile.glob(os.path.join(folder, "*", "*.wav")))
dataset = tf.data.Dataset.from_tensor_slices(files).map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
for spectrogram, label in dataset.take(1):
    print(spectrogram.shape, label.numpy(), spectrogram.numpy().mean().round(3))
model = keras.Sequential([keras.Input((11, 33, 1)), layers.Resizing(8, 8), layers.Flatten(), layers.Dense(2)])
for weight in model.weights:
    weight.assign(rng.normal(0, 0.05, weight.shape))
model.compile(
    keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
)
history = model.fit(dataset.batch(4), epochs=4, verbose=0).history
print([round(value, 3) for value in history["loss"]], [round(value, 3) for value in history["accuracy"]])
