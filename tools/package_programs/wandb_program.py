"""wandb, offline: its callbacks in a fit, and what the run's files hold."""

import glob
import os
import tempfile

folder = tempfile.mkdtemp()
os.environ.update(WANDB_MODE="offline", WANDB_DIR=folder, WANDB_SILENT="true")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import wandb  # noqa: E402
from wandb.integration.keras import WandbMetricsLogger, WandbModelCheckpoint  # noqa: E402

keras.utils.set_random_seed(1)
x = np.linspace(-1, 1, 40, dtype="float32").reshape(20, 2)
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse", metrics=["mae"])
run = wandb.init(project="trial", dir=folder)
callbacks = [WandbMetricsLogger(log_freq=2), WandbModelCheckpoint(os.path.join(folder, "model-{epoch}.keras"))]
model.fit(x, x[:, :1], epochs=3, batch_size=5, validation_split=0.2, callbacks=callbacks, verbose=0, shuffle=False)
for name, value in sorted(dict(run.summary).items()):
    if not name.startswith("_") and "learning_rate" not in name:
        print(name, round(float(value), 4))
run.finish()
print("files", sorted(os.path.basename(path) for path in glob.glob(os.path.join(folder, "model-*"))))
print("run", len(glob.glob(os.path.join(folder, "wandb", "offline-run-*", "*.wandb"))))
