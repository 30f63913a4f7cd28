"""bayesflow: its networks on one batch, and an approximator that is trained for a few steps."""

import bayesflow as bf
import keras
import numpy as np

rng = np.random.RandomState(0)
x, theta = rng.normal(size=(8, 5, 2)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")


def told(name, value):
    print(name, tuple(value.shape), bool(np.isfinite(np.asarray(value)).all()))


for name in ("DeepSet", "SetTransformer", "TimeSeriesNetwork", "TimeSeriesTransformer"):
    keras.utils.set_random_seed(1)
    network = getattr(bf.networks, name)(summary_dim=3)
    told(name, network(x))
    told(name + " again", network(x, training=True))
for name in ("MLP",):
    told(name, getattr(bf.networks, name)([4, 4])(theta))
for name in ("CouplingFlow", "FlowMatching"):
    keras.utils.set_random_seed(2)
    flow = getattr(bf.networks, name)()
    flow.build(theta.shape, (8, 3))
    z, density = flow(theta, conditions=x[:, 0, :1].repeat(3, 1), density=True)
    told(name, z)
    told(name + " density", density)
    back = flow(z, conditions=x[:, 0, :1].repeat(3, 1), inverse=True)
    print(name, "inverse", bool(np.abs(np.asarray(back) - theta).max() < 0.05))
