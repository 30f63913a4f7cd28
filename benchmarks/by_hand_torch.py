"""The benchmark's training loops as people write them with PyTorch: eager modules' functions, autograd, Adam, a Python loop.

Pictures are channels first and weights lie as PyTorch's own layers keep them; neither conversion is timed.
"""

import itertools
import re

import numpy as np
import torch
import torch.nn.functional as F
from networks import WORKS, Supply


def parameters(weights: dict[str, list[np.ndarray]]) -> dict[str, list[torch.Tensor]]:
    """The weights by layer in PyTorch's layouts; moving averages and the second bias of an LSTM aren't trained."""
    made = {}
    for name, own in weights.items():
        kind = re.sub(r"_\d+$", "", name)
        arrays = recurrent(own) if kind in ("lstm", "gru", "bidirectional") else [laid_out(kind, w) for w in own]
        tensors = [torch.tensor(np.ascontiguousarray(array), requires_grad=True) for array in arrays]
        if kind == "batch_normalization":
            fixed = tensors[2:]
        else:
            fixed = tensors[3::4] if kind in ("lstm", "bidirectional") else []
        for tensor in fixed:
            tensor.requires_grad_(False)
        made[name] = tensors
    return made


def laid_out(kind: str, w: np.ndarray) -> np.ndarray:
    """One array in PyTorch's layout."""
    if kind == "conv2d" and w.ndim == 4:
        return w.transpose(3, 2, 0, 1)
    if kind == "depthwise_conv2d":
        return w.transpose(2, 3, 0, 1)
    if kind == "dense" and w.ndim == 2:
        return w.T
    if kind == "multi_head_attention":  # queries, keys, values: D, H, K; the product after them: H, K, D
        return w.reshape(w.shape[0], -1).T if w.ndim == 3 and w.shape[0] > w.shape[1] else w
    return w


def recurrent(own: list[np.ndarray]) -> list[np.ndarray]:
    """Kernels, recurrent kernels and biases as `torch.nn.LSTM` and `GRU` keep them; the gates have the same order."""
    made = []
    for start in range(0, len(own), 3):
        kernel, state, bias = own[start : start + 3]
        if bias.ndim == 2:  # a GRU: update, reset, new; PyTorch has reset, update, new
            kernel, state, bias = (np.concatenate([np.split(w, 3, -1)[i] for i in (1, 0, 2)], -1) for w in own)
            made += [kernel.T, state.T, bias[0], bias[1]]
        else:
            made += [kernel.T, state.T, bias, np.zeros_like(bias)]
    return made


def dense(supply, h):
    """A dense layer without activation."""
    return F.linear(h, *supply.take("dense"))


def dense_net(supply, h, training):
    """32-64-64-10 and 784-512-512-10."""
    return dense(supply, F.relu(dense(supply, F.relu(dense(supply, h)))))


def same(h, kernel, bias=None, strides=1, groups=1):
    """A convolution with padding as in Keras: with stride 2 on an even size the odd zero comes last."""
    size = kernel.shape[-1]
    if strides == 2 and size == 3:
        return F.conv2d(F.pad(h, (0, 1, 0, 1)), kernel, bias, 2, groups=groups)
    return F.conv2d(h, kernel, bias, strides, size // 2, groups=groups)


def normalised(supply, h, training):
    """Batch normalization."""
    gamma, beta, mean, variance = supply.take("batch_normalization")
    return F.batch_norm(h, mean, variance, gamma, beta, training, 0.01, 1e-3)


def cnn(supply, h, training):
    """MNIST's convolutional net."""
    for _ in range(2):
        h = F.max_pool2d(F.relu(F.conv2d(h, *supply.take("conv2d"))), 2)
    h = h.permute(0, 2, 3, 1).flatten(1)
    return dense(supply, F.dropout(h, 0.5, training))


def resnet(supply, h, training):
    """ResNet-20."""
    h = F.relu(normalised(supply, same(h, *supply.take("conv2d")), training))
    for strides in (1, 1, 1, 2, 1, 1, 2, 1, 1):
        shortcut = h if strides == 1 else same(h, *supply.take("conv2d"), strides=2)
        h = F.relu(normalised(supply, same(h, *supply.take("conv2d"), strides=strides), training))
        h = F.relu(normalised(supply, same(h, *supply.take("conv2d")), training) + shortcut)
    return dense(supply, h.mean((2, 3)))


def depthwise(supply, h, training):
    """A net like MobileNet."""
    h = same(h, *supply.take("conv2d"), strides=2)
    for strides in (1, 2, 1, 2, 1, 2):
        h = F.relu6(normalised(supply, h, training))
        h = same(h, *supply.take("depthwise_conv2d"), strides=strides, groups=h.shape[1])
        h = same(F.relu6(normalised(supply, h, training)), *supply.take("conv2d"))
    return dense(supply, h.mean((2, 3)))


def lstm(supply, x, training):
    """Embedding, LSTM, dense."""
    return dense(supply, lstm_states(supply, x, list(supply.take("lstm")), False))


def bilstm(supply, x, training):
    """Embedding, LSTM in both directions, dense."""
    return dense(supply, lstm_states(supply, x, list(supply.take("bidirectional")), True))


def lstm_states(supply, x, own, both):
    """The last states of `torch.nn.LSTM`'s kernel."""
    h = F.embedding(x, *supply.take("embedding"))
    first = torch.zeros(1 + both, len(x), own[1].shape[1])
    _, last, _ = torch._VF.lstm(h, (first, first), own, True, 1, 0.0, True, both, True)
    return last.transpose(0, 1).flatten(1)


def gru(supply, x, training):
    """Embedding, GRU, dense."""
    own = list(supply.take("gru"))
    h = F.embedding(x, *supply.take("embedding"))
    _, last = torch._VF.gru(h, torch.zeros(1, len(x), own[1].shape[1]), own, True, 1, 0.0, True, False, True)
    return dense(supply, last[0])


def layer_norm(supply, h):
    """Layer normalization."""
    return F.layer_norm(h, h.shape[-1:], *supply.take("layer_normalization"), 1e-3)


def transformer(supply, x, training):
    """Two blocks of attention and dense layers."""
    h = F.embedding(x, *supply.take("embedding"))
    for _ in range(2):
        *own, kernel, bias = supply.take("multi_head_attention")
        q, k, v = (
            F.linear(h, own[i], own[i + 1].reshape(-1)).unflatten(-1, own[i + 1].shape).transpose(1, 2)
            for i in (0, 2, 4)
        )
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        h = layer_norm(supply, h + mixed @ kernel.flatten(0, 1) + bias)
        h = layer_norm(supply, h + dense(supply, F.gelu(dense(supply, h))))
    return dense(supply, h.mean(1))


NETS = {
    "tiny": dense_net,
    "mlp": dense_net,
    "cnn": cnn,
    "resnet": resnet,
    "depthwise": depthwise,
    "lstm": lstm,
    "gru": gru,
    "bilstm": bilstm,
    "transformer": transformer,
}


def rows(x: np.ndarray) -> torch.Tensor:
    """Inputs as a tensor, pictures channels first."""
    return torch.tensor(np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x)


def trainer(name: str, weights: dict[str, list[np.ndarray]], x: np.ndarray, y: np.ndarray):
    """A function that trains one epoch and gives the mean loss."""
    batch, held = WORKS[name].batch, parameters(weights)
    optimizer = torch.optim.Adam([w for own in held.values() for w in own if w.requires_grad], 1e-3, eps=1e-7)
    x, y = rows(x), torch.tensor(y, dtype=torch.int64)
    taken = itertools.count(1)

    def epoch() -> float:
        total, right = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for number in range(len(x) // batch):
            part = slice(number * batch, (number + 1) * batch)
            logits = NETS[name](Supply(held), x[part], True)
            loss = F.cross_entropy(logits, y[part])
            optimizer.zero_grad()
            loss.backward()
            # Keras adds epsilon before the correction of the second moment: the same here, or rare words part ways.
            optimizer.param_groups[0]["eps"] = 1e-7 / (1 - 0.999 ** next(taken)) ** 0.5
            optimizer.step()
            with torch.no_grad():
                total += loss
                right += (logits.argmax(-1) == y[part]).sum()
        return float(total) / (len(x) // batch)

    return epoch


def predictor(name: str, weights: dict[str, list[np.ndarray]]):
    """A function from rows to probabilities."""
    held = parameters(weights)

    def predict(x):
        with torch.inference_mode():
            return torch.softmax(NETS[name](Supply(held), rows(x), False), -1).numpy()

    return predict
