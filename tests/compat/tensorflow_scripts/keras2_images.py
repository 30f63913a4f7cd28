"""In the manner of Keras 2: ImageDataGenerator, losses with `keras.backend`, `K.function` where it is left."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Conv2D, Dense, Flatten, Input
from tensorflow.keras.models import Model
from tensorflow.keras.preprocessing.image import ImageDataGenerator

rng = np.random.default_rng(13)
images = rng.uniform(0, 255, (20, 8, 8, 1)).astype("float32")
labels = (images.mean(axis=(1, 2, 3)) > 127).astype("float32").reshape(-1, 1)


def dice_coef(y_true, y_pred, smooth=1.0):
    y_true_f, y_pred_f = K.flatten(y_true), K.flatten(y_pred)
    intersection = K.sum(y_true_f * y_pred_f)
    return (2.0 * intersection + smooth) / (K.sum(y_true_f) + K.sum(y_pred_f) + smooth)


def dice_coef_loss(y_true, y_pred):
    return 1.0 - dice_coef(y_true, y_pred)


def root_mean_squared_error(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true)))


inputs = Input((8, 8, 1))
x = Conv2D(4, (3, 3), activation="relu", padding="same")(inputs)
model = Model(inputs=inputs, outputs=Dense(1, activation="sigmoid")(Flatten()(x)))
for weight in model.weights:
    weight.assign(rng.normal(0, 0.1, weight.shape))
model.compile(optimizer=tf.keras.optimizers.SGD(0.2), loss=dice_coef_loss, metrics=[dice_coef, root_mean_squared_error])
datagen = ImageDataGenerator(
    rescale=1.0 / 255, horizontal_flip=True, width_shift_range=0.1, rotation_range=10, fill_mode="nearest"
)
np.random.seed(3)  # noqa: NPY002
flow = datagen.flow(images, labels, batch_size=5, shuffle=False, seed=7)
batches = [next(flow) for _ in range(4)]
print([round(float(batch[0].mean()), 4) for batch in batches])
history = [model.train_on_batch(x, y, return_dict=True) for x, y in batches]
for name in ("loss", "dice_coef", "root_mean_squared_error"):
    print(name, [round(float(logs[name]), 3) for logs in history])
print(K.int_shape(inputs), K.image_data_format(), K.get_value(K.cast_to_floatx([1, 2])))
