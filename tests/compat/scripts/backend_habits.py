"""What scripts take from keras.backend, keras.utils and keras.ops out of habit."""

import keras
import numpy as np
from keras import backend as K
from keras import ops
from keras.layers import Dense, Input
from keras.models import Model
from keras.utils import to_categorical

keras.utils.set_random_seed(25)
print(K.backend(), K.floatx(), K.epsilon(), K.image_data_format())
print(to_categorical([0, 2, 1], 3).tolist(), keras.utils.normalize(np.array([[3.0, 4.0]])).tolist())
print(np.array(ops.softmax(ops.convert_to_tensor([1.0, 2.0, 3.0]))), ops.shape(ops.ones((2, 3))))
print(np.array(ops.einsum("ij,kj->ik", np.eye(2, 3), np.ones((4, 3)))).tolist())
print(np.array(ops.segment_sum(np.arange(6.0), np.array([0, 0, 1, 1, 2, 2]), 3)).tolist())
a = Input((4,))
model = Model(inputs=a, outputs=Dense(2, kernel_initializer="he_normal", kernel_constraint="max_norm")(a))
model.compile(loss="mse", optimizer="nadam")
x = np.random.default_rng(0).random((16, 4)).astype("float32")
print(model.train_on_batch(x, x[:, :2]), model.test_on_batch(x, x[:, :2]))
print(model.predict_on_batch(x)[:2], model.get_layer(index=1).units, model.input_shape, model.output_shape)
K.clear_session()
print(Dense(3).name, keras.random.uniform((2,), seed=3).shape, np.array(keras.random.normal((2,), seed=3)))
