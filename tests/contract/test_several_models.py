"""Programs of several models at once, each against a loop written by hand in plain JAX: no layer, step or optimizer of
plait's in the loop."""

import jax
import jax.numpy as jnp
import numpy as np

import plait
from plait import layers, ops


def mlp(sizes, name, activation="tanh"):
    x = plait.Input((sizes[0],))
    h = x
    for place, size in enumerate(sizes[1:]):
        last = place == len(sizes) - 2
        h = layers.Dense(size, activation=None if last else activation, name=f"{name}_{place}")(h)
    return plait.Model(x, h, name=name)


def weights_of(model):
    return [jnp.array(np.asarray(w)) for w in model.get_weights()]


def forward(weights, x):
    for place in range(0, len(weights), 2):
        x = x @ weights[place] + weights[place + 1]
        x = jnp.tanh(x) if place < len(weights) - 2 else x
    return x


def descend(weights, gradients, rate):
    return [w - rate * g for w, g in zip(weights, gradients, strict=True)]


def close(model, weights, atol=2e-5):
    for mine, theirs in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=atol)


# --- double Q-learning ------------------------------------------------------------------------------------------------


class Corridor:
    """Six places in a row; the last one pays 1, the first one 0.1. Actions: left, right."""

    def __init__(self):
        self.place = 2

    def step(self, action):
        self.place += 1 if action else -1
        reward = {0: 0.1, 5: 1.0}.get(self.place, 0.0)
        ended = self.place in (0, 5)
        state, self.place = np.eye(6, dtype="float32")[self.place], 2 if ended else self.place
        return state, reward, ended

    def state(self):
        return np.eye(6, dtype="float32")[self.place]


class ByPlait:
    def __init__(self):
        plait.utils.set_random_seed(1)
        self.online, self.target = mlp([6, 12, 2], "online"), mlp([6, 12, 2], "target")
        self.online.compile(plait.optimizers.SGD(0.5), "mse")
        self.copy()

    def copy(self):
        for theirs, mine in zip(self.target.weights, self.online.weights):
            theirs.assign(mine)

    def values(self, states):
        return np.asarray(self.online(states)), self.target.predict_on_batch(states)

    def learn(self, states, wanted):
        self.online.train_on_batch(states, wanted)


class ByHand:
    def __init__(self, start):
        self.weights = start
        self.copy()

    def copy(self):
        self.held = list(self.weights)

    def values(self, states):
        return np.asarray(forward(self.weights, states)), np.asarray(forward(self.held, states))

    def learn(self, states, wanted):
        gradients = jax.grad(lambda w: jnp.mean((forward(w, states) - wanted) ** 2))(self.weights)
        self.weights = descend(self.weights, gradients, 0.5)


def learn_the_corridor(agent, steps=240):
    rng, world, memory = np.random.default_rng(0), Corridor(), []
    for step in range(steps):
        state = world.state()
        greedy = int(np.argmax(agent.values(state[None])[0][0]))
        action = int(rng.integers(2)) if rng.random() < 0.5 else greedy
        memory.append((state, action, *world.step(action)))
        chosen = [memory[index] for index in rng.integers(len(memory), size=16)]
        states, actions, after, rewards, ended = (np.array(part) for part in zip(*chosen))
        online_after, target_after = agent.values(after)
        best = target_after[np.arange(16), online_after.argmax(1)]
        wanted = agent.values(states)[0].copy()
        wanted[np.arange(16), actions] = rewards + 0.9 * best * ~ended
        agent.learn(states, wanted.astype("float32"))
        if step % 20 == 19:
            agent.copy()
    return agent


def test_double_q_learning_with_a_target_network():
    agent = ByPlait()
    twin = ByHand(weights_of(agent.online))
    learn_the_corridor(agent), learn_the_corridor(twin)
    close(agent.online, twin.weights, atol=1e-3)
    close(agent.target, twin.held, atol=1e-3)
    policy = agent.online.predict_on_batch(np.eye(6, dtype="float32")[1:5]).argmax(1)
    assert policy.tolist() == [1, 1, 1, 1], "it has not learnt to walk to the place that pays more"


# --- a variational autoencoder whose KL weight is raised ---------------------------------------------------------------


class Sample(layers.Layer):
    """Draws from the posterior, and adds its divergence from the prior, weighted by a variable that a callback raises."""

    def __init__(self, weight):
        super().__init__()
        self.kl = [lambda: weight]
        self.seed_generator = plait.random.SeedGenerator(7)

    def call(self, inputs):
        mean, log_variance = inputs
        kl = 0.5 * ops.mean(ops.sum(ops.square(mean) + ops.exp(log_variance) - log_variance - 1.0, axis=-1))
        self.add_loss(self.kl[0]() * kl)
        return mean + ops.exp(0.5 * log_variance) * plait.random.normal(ops.shape(mean), seed=self.seed_generator)


def test_a_vae_whose_kl_weight_is_raised_by_a_callback():
    data = np.random.default_rng(0).normal(size=(32, 5)).astype("float32") @ np.diag([3, 2, 1, 0.1, 0.1]).astype(
        "float32"
    )
    plait.utils.set_random_seed(0)
    weight = plait.Variable(0.0, trainable=False, name="kl_weight")
    x = plait.Input((5,))
    mean, log_variance = layers.Dense(2, name="mean")(x), layers.Dense(2, name="log_variance")(x)
    model = plait.Model(x, layers.Dense(5, name="out")(Sample(weight)([mean, log_variance])))
    model.compile(plait.optimizers.SGD(0.05), "mse")
    start = weights_of(model)

    class Raises(plait.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            weight.assign(0.2 * epoch)

    found = model.fit(data, data, batch_size=8, epochs=6, shuffle=False, verbose=0, callbacks=[Raises()])

    def loss(weights, batch, key, kl_weight):
        mean, log_variance = batch @ weights[0] + weights[1], batch @ weights[2] + weights[3]
        kl = 0.5 * jnp.mean(jnp.sum(mean**2 + jnp.exp(log_variance) - log_variance - 1, axis=-1))
        code = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)
        return jnp.mean((code @ weights[4] + weights[5] - batch) ** 2) + kl_weight * kl

    weights, draws, expected = start, 0, []
    for epoch in range(6):
        losses = []
        for first in range(0, 32, 8):
            key = jnp.array([7, draws], "uint32")
            value, gradients = jax.value_and_grad(loss)(weights, data[first : first + 8], key, 0.2 * epoch)
            weights, draws = descend(weights, gradients, 0.05), draws + 1
            losses.append(float(value))
        expected.append(np.mean(losses))
    np.testing.assert_allclose(found.history["loss"], expected, rtol=2e-4)
    close(model, weights)


# --- a GAN by two compiles ---------------------------------------------------------------------------------------------


def test_a_gan_by_two_compiles_with_the_judge_inside_the_makers_loss():
    rng = np.random.default_rng(0)
    real = rng.normal(2.0, 0.5, size=(40, 16, 2)).astype("float32")
    noise = rng.normal(size=(80, 16, 3)).astype("float32")
    plait.utils.set_random_seed(0)
    maker, judge = mlp([3, 8, 2], "maker"), mlp([2, 8, 1], "judge")
    cross_entropy = plait.losses.BinaryCrossentropy(from_logits=True)
    judge.compile(plait.optimizers.SGD(0.1), cross_entropy)
    maker.compile(plait.optimizers.SGD(0.1), lambda y, made: cross_entropy(y, judge(made)))
    made_by, judged_by = weights_of(maker), weights_of(judge)
    ones, halves = np.ones((16, 1), "float32"), np.repeat([[1.0], [0.0]], 16, axis=0).astype("float32")

    def bce(y, logits):
        return jnp.mean(jnp.maximum(logits, 0) - logits * y + jnp.log1p(jnp.exp(-jnp.abs(logits))))

    for step in range(40):
        made = maker.predict_on_batch(noise[2 * step])
        judge.train_on_batch(np.concatenate([real[step], made]), halves)
        found = maker.train_on_batch(noise[2 * step + 1], ones)

        both = np.concatenate([real[step], np.asarray(forward(made_by, noise[2 * step]))])
        gradients = jax.grad(lambda w, both=both: bce(halves, forward(w, both)))(judged_by)
        judged_by = descend(judged_by, gradients, 0.1)
        told = lambda w, step=step, judge=judged_by: bce(ones, forward(judge, forward(w, noise[2 * step + 1])))  # noqa: E731
        expected, gradients = jax.value_and_grad(told)(made_by)
        made_by = descend(made_by, gradients, 0.1)
        np.testing.assert_allclose(found, expected, rtol=1e-3)
    close(maker, made_by, atol=2e-4)
    close(judge, judged_by, atol=2e-4)
    assert abs(maker.predict_on_batch(noise[0]).mean() - 2.0) < abs(made_mean(noise[0]) - 2.0)


def made_mean(noise):
    """The mean of what the maker makes before it is trained."""
    plait.utils.set_random_seed(0)
    return float(mlp([3, 8, 2], "maker").predict_on_batch(noise).mean())


# --- a model that makes the targets of its own data -----------------------------------------------------------------------


def test_a_model_makes_the_targets_of_its_own_data():
    x = np.random.default_rng(0).normal(size=(12, 8, 4)).astype("float32")
    plait.utils.set_random_seed(0)
    model = mlp([4, 6, 1], "own")
    model.compile(plait.optimizers.SGD(0.1), "mse")
    weights, used = weights_of(model), []

    class Data(plait.utils.PyDataset):
        def __len__(self):
            return len(x)

        def __getitem__(self, index):
            used.append((index, weights_of(model), model.predict(x[index], verbose=0)))
            return x[index], 0.5 * used[-1][2] + 1.0

    found = model.fit(Data(workers=0), epochs=1, shuffle=False, verbose=0)
    losses, passed = [], [weights]
    for index, seen, output in used[-len(x) :]:
        np.testing.assert_allclose(output, forward(seen, x[index]), rtol=1e-4, atol=1e-5)  # the weights of one moment
        assert any(all(np.allclose(a, b, atol=2e-5) for a, b in zip(seen, one)) for one in passed), "of no whole step"
        wanted = 0.5 * forward(seen, x[index]) + 1.0
        value, gradients = jax.value_and_grad(
            lambda w, wanted=wanted, index=index: jnp.mean((forward(w, x[index]) - wanted) ** 2)
        )(weights)
        weights = descend(weights, gradients, 0.1)
        passed.append(weights)
        losses.append(float(value))
    np.testing.assert_allclose(found.history["loss"], [np.mean(losses)], rtol=1e-4)
    close(model, weights)
