"""Rows of `layers/recurrent.py` and `layers/wrappers.py`."""

from cases import Case, Input

X = Input((3, 6, 4))
MASK = {"mask": Input((3, 6), "bool")}

CASES = [
    Case("SimpleRNN", lambda L: L.SimpleRNN(5), X),
    Case("SimpleRNN sequences backwards", lambda L: L.SimpleRNN(5, return_sequences=True, go_backwards=True), X),
    Case("LSTM", lambda L: L.LSTM(5), X),
    Case("LSTM sequences states", lambda L: L.LSTM(5, return_sequences=True, return_state=True), X),
    Case("LSTM masked", lambda L: L.LSTM(5, return_sequences=True), X, call=MASK),
    Case("LSTM relu", lambda L: L.LSTM(5, activation="relu", use_bias=False), X),
    Case("GRU", lambda L: L.GRU(5), X),
    Case("GRU before", lambda L: L.GRU(5, reset_after=False, return_state=True), X),
    Case("GRU masked", lambda L: L.GRU(5), X, call=MASK),
    Case("GRU dropout", lambda L: L.GRU(5, dropout=0.3, recurrent_dropout=0.2, seed=4), X, training=True, random=True),
    Case("RNN stacked", lambda L: L.RNN([L.LSTMCell(4), L.GRUCell(3)], return_sequences=True), X),
    Case("Bidirectional", lambda L: L.Bidirectional(L.LSTM(5)), X),
    Case("Bidirectional sum", lambda L: L.Bidirectional(L.GRU(5, return_sequences=True), merge_mode="sum"), X),
    Case("Bidirectional masked", lambda L: L.Bidirectional(L.LSTM(5, return_sequences=True)), X, call=MASK),
    Case("TimeDistributed", lambda L: L.TimeDistributed(L.Dense(5)), X),
    Case("TimeDistributed conv", lambda L: L.TimeDistributed(L.Conv2D(2, 3)), Input((2, 3, 6, 6, 2))),
]
