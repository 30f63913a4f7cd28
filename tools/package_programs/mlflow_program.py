"""mlflow: the callback, and metrics and parameters in its store of files."""

import os
import tempfile

os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///" + os.path.join(tempfile.mkdtemp(), "store.db")

import keras
import mlflow
import numpy as np

keras.utils.set_random_seed(1)
x = np.linspace(-1, 1, 40, dtype="float32").reshape(20, 2)


def made():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def told(run_id):
    run = mlflow.get_run(run_id)
    for name, value in sorted(run.data.metrics.items()):
        print(name, round(value, 4))
    for name, value in sorted(run.data.params.items()):
        print(name, value.split(".")[-1])


import mlflow.keras  # noqa: E402

with mlflow.start_run() as run:
    callback = (
        mlflow.keras.MlflowCallback() if hasattr(mlflow.keras, "MlflowCallback") else mlflow.keras.MLflowCallback()
    )
    made().fit(x, x[:, :1], epochs=2, verbose=0, shuffle=False, callbacks=[callback])
told(run.info.run_id)
mlflow.keras.autolog(log_models=False, log_datasets=False)
with mlflow.start_run() as run:
    made().fit(x, x[:, :1], epochs=2, verbose=0, shuffle=False)
told(run.info.run_id)
mlflow.keras.autolog(disable=True)
with mlflow.start_run():
    model = made()
    info = mlflow.keras.log_model(model, name="model")
loaded = mlflow.keras.load_model(info.model_uri)
print("loaded", bool(np.allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0))))
