"""Two models, two optimizers, one step: a generative adversarial network that makes up diamonds.

The generator turns noise into the weight and the price of a diamond, on logarithmic scales; the discriminator separates made
diamonds from real ones. Neither fits into one loss, so the step is a function of (state, batch).

    python examples/gan.py
"""

import jax
import jax.numpy as jnp
import numpy as np
from diamonds import load

import plait
from plait import layers, training

NOISE = 4
EPOCHS = 12


def network(inputs: int, outputs: int, name: str) -> plait.Model:
    """Two hidden layers."""
    x = plait.Input((inputs,))
    h = layers.LeakyReLU()(layers.Dense(48)(x))
    h = layers.LeakyReLU()(layers.Dense(48)(h))
    return plait.Model(x, layers.Dense(outputs)(h), name=name)


def real() -> np.ndarray:
    """Weights and prices of real diamonds, (N, 2): logarithms, on a common scale."""
    stones = load()
    values = np.log(np.stack([stones.measurements[:, 0], stones.price], axis=1))
    return ((values - values.mean(0)) / values.std(0)).astype("float32")


def train(data: np.ndarray, epochs: int = EPOCHS) -> tuple[plait.Model, dict]:
    """The generator, trained, and the losses by epoch."""
    maker = training.Learner(network(NOISE, 2, "maker"), plait.optimizers.Adam(1e-3, beta_1=0.5))
    judge = training.Learner(network(2, 1, "judge"), plait.optimizers.Adam(2e-3, beta_1=0.5))
    cross_entropy = plait.losses.BinaryCrossentropy(from_logits=True)

    def step(state, batch):
        made_by, judged_by, key = state
        key, noise_key = jax.random.split(key)
        noise, one = jax.random.normal(noise_key, (len(batch), NOISE)), jnp.ones((len(batch), 1))

        def told_apart(judged_by):
            made, _ = maker.call(made_by, noise)
            of_real, judged_by = judge.call(judged_by, batch)
            of_made, judged_by = judge.call(judged_by, made)
            return cross_entropy(0.9 * one, of_real) + cross_entropy(0 * one, of_made), judged_by

        def taken_for_real(made_by):
            made, made_by = maker.call(made_by, noise)
            return cross_entropy(one, judge.call(judged_by, made)[0]), made_by

        judge_loss, judged_by = judge.descend(judged_by, told_apart)
        maker_loss, made_by = maker.descend(made_by, taken_for_real)
        return (made_by, judged_by, key), {"judge": judge_loss, "maker": maker_loss}

    start = maker.state, judge.state, jax.random.key(0)
    (made_by, *_), history = training.run(step, start, data, batch_size=256, epochs=epochs, seed=0, verbose=1)
    maker.keep(made_by)
    return maker.model, history


def main(epochs: int = EPOCHS) -> tuple[np.ndarray, np.ndarray]:
    """Trains, and compares made diamonds with real ones: their spread, and how weight and price go together."""
    plait.utils.set_random_seed(0)
    data = real()
    model, _ = train(data, epochs)
    made = model.predict(np.random.default_rng(0).normal(size=(5000, NOISE)), batch_size=1000, verbose=0)
    for name, values in (("real", data), ("made", made)):
        spread, together = values.std(0), np.corrcoef(values.T)[0, 1]
        print(f"{name}: deviation of weight {spread[0]:.2f}, of price {spread[1]:.2f}, correlation {together:.3f}")
    return data, made


if __name__ == "__main__":
    main()
