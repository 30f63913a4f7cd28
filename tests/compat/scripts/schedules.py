"""Learning-rate schedules, clipping, averaging, several optimizers."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(21)
schedules = keras.optimizers.schedules
made = [
    schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True),
    schedules.CosineDecay(0.1, 20, alpha=0.1, warmup_target=0.2, warmup_steps=5),
    schedules.PiecewiseConstantDecay([3, 8], [0.1, 0.05, 0.01]),
    schedules.PolynomialDecay(0.1, 10, power=2.0),
    schedules.InverseTimeDecay(0.1, 5, 0.5),
    schedules.CosineDecayRestarts(0.1, 6),
]
for schedule in made:
    print([float(schedule(step)) for step in (0, 2, 5, 9, 15)])


class Warmup(schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.01 * keras.ops.minimum(keras.ops.cast(step, "float32") / 4.0, 1.0)


x = np.random.default_rng(0).random((48, 4)).astype("float32")
for optimizer in (
    keras.optimizers.SGD(made[0], momentum=0.9, nesterov=True, clipnorm=1.0),
    keras.optimizers.AdamW(Warmup(), weight_decay=0.01),
    keras.optimizers.RMSprop(0.01, use_ema=True, ema_momentum=0.9),
    keras.optimizers.Adagrad(0.1, global_clipnorm=0.5),
    keras.optimizers.Lion(1e-3),
):
    keras.utils.set_random_seed(21)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4, activation="relu"), layers.Dense(1)])
    model.compile(optimizer, "mse")
    history = model.fit(x, x.sum(1), epochs=2, batch_size=12, verbose=0)
    print(type(optimizer).__name__, history.history["loss"], int(np.array(optimizer.iterations)))
