"""Actor and critic: actions drawn with NumPy from what the model says, logs of probabilities collected under a tape."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

np.random.seed(4)  # noqa: NPY002
rng = np.random.default_rng(23)
num_actions, gamma, eps = 2, 0.99, np.finfo(np.float32).eps.item()
inputs = layers.Input(shape=(4,))
common = layers.Dense(8, activation="relu")(inputs)
action, critic = layers.Dense(num_actions, activation="softmax")(common), layers.Dense(1)(common)
model = keras.Model(inputs=inputs, outputs=[action, critic])
for weight in model.weights:
    weight.assign(rng.normal(0, 0.3, weight.shape))
optimizer, huber_loss = keras.optimizers.Adam(learning_rate=0.02), keras.losses.Huber()
world = rng.normal(size=(6, 4)).astype("float32")
running_reward = 0
for episode in range(3):
    action_probs_history, critic_value_history, rewards_history = [], [], []
    with tf.GradientTape() as tape:
        for timestep in range(5):
            state = tf.expand_dims(tf.convert_to_tensor(world[timestep]), 0)
            action_probs, critic_value = model(state)
            critic_value_history.append(critic_value[0, 0])
            action = np.random.choice(num_actions, p=np.squeeze(action_probs))  # noqa: NPY002
            action_probs_history.append(tf.math.log(action_probs[0, action]))
            rewards_history.append(float(action == timestep % 2))
        running_reward = 0.05 * sum(rewards_history) + (1 - 0.05) * running_reward
        returns, discounted_sum = [], 0
        for r in rewards_history[::-1]:
            discounted_sum = r + gamma * discounted_sum
            returns.insert(0, discounted_sum)
        returns = np.array(returns)
        returns = ((returns - np.mean(returns)) / (np.std(returns) + eps)).tolist()
        actor_losses, critic_losses = [], []
        for log_prob, value, ret in zip(action_probs_history, critic_value_history, returns):
            diff = ret - value
            actor_losses.append(-log_prob * diff)
            critic_losses.append(huber_loss(tf.expand_dims(value, 0), tf.expand_dims(ret, 0)))
        loss_value = sum(actor_losses) + sum(critic_losses)
    grads = tape.gradient(loss_value, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    print(f"episode {episode}: loss {float(loss_value):.3f}, running reward: {running_reward:.3f}")
q_values = model(tf.convert_to_tensor(world))[0]
masks = tf.one_hot([0, 1, 0, 1, 0, 1], num_actions)
print(tf.reduce_sum(tf.multiply(q_values, masks), axis=1).numpy().round(3), int(tf.argmax(q_values[0]).numpy()))
