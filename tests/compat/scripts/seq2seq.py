"""Characters to characters: encoder states into a decoder, then decoding step by step with new models."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(13)
rng = np.random.default_rng(0)
tokens, length = 9, 6
source = np.eye(tokens, dtype="float32")[rng.integers(0, tokens, (48, length))]
target = source[:, ::-1]
shifted = np.concatenate([np.zeros((48, 1, tokens), "float32"), target[:, :-1]], 1)
encoder_inputs = keras.Input((None, tokens))
encoder = layers.LSTM(12, return_state=True)
_, state_h, state_c = encoder(encoder_inputs)
decoder_inputs = keras.Input((None, tokens))
decoder_lstm = layers.LSTM(12, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=[state_h, state_c])
decoder_dense = layers.Dense(tokens, activation="softmax")
model = keras.Model([encoder_inputs, decoder_inputs], decoder_dense(decoder_outputs))
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
print(model.fit([source, shifted], target, batch_size=16, epochs=3, validation_split=0.25, verbose=0).history)
encoder_model = keras.Model(encoder_inputs, [state_h, state_c])
input_h, input_c = keras.Input((12,)), keras.Input((12,))
outputs, h, c = decoder_lstm(decoder_inputs, initial_state=[input_h, input_c])
decoder_model = keras.Model([decoder_inputs, input_h, input_c], [decoder_dense(outputs), h, c])
states = encoder_model.predict(source[:1], verbose=0)
token = np.zeros((1, 1, tokens), "float32")
said = []
for _ in range(length):
    probabilities, *states = decoder_model.predict([token, *states], verbose=0)
    said.append(int(probabilities[0, -1].argmax()))
    token = np.eye(tokens, dtype="float32")[said[-1]][None, None]
print(said)
