"""Models of all shapes, to look at."""

import plait
from plait import layers


def chain():
    return plait.Sequential(
        [
            plait.Input((28, 28, 1), name="image"),
            layers.Conv2D(8, 3, activation="relu", name="edges"),
            layers.MaxPooling2D(name="smaller"),
            layers.Flatten(name="flat"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def residual(blocks=3, channels=4):
    image = plait.Input((8, 8, 3), name="image")
    x = layers.Conv2D(channels, 3, padding="same", name="stem")(image)
    for block in range(blocks):
        y = layers.Conv2D(channels, 3, padding="same", name=f"block{block}_conv1")(x)
        y = layers.BatchNormalization(name=f"block{block}_norm1")(y)
        y = layers.ReLU(name=f"block{block}_relu1")(y)
        y = layers.Conv2D(channels, 3, padding="same", name=f"block{block}_conv2")(y)
        y = layers.BatchNormalization(name=f"block{block}_norm2")(y)
        x = layers.ReLU(name=f"block{block}_out")(layers.Add(name=f"block{block}_add")([x, y]))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return plait.Model(image, layers.Dense(10, name="classes")(x), name="resnet")


def tickets():
    """Three inputs, two outputs, a shared layer."""
    title = plait.Input((None,), dtype="int32", name="title")
    body = plait.Input((None,), dtype="int32", name="body")
    tags = plait.Input((12,), name="tags")
    words = layers.Embedding(100, 8, name="words")
    title_features = layers.LSTM(8, name="title_lstm")(words(title))
    body_features = layers.LSTM(4, name="body_lstm")(words(body))
    x = layers.Concatenate(name="all")([title_features, body_features, tags])
    outputs = {
        "priority": layers.Dense(1, activation="sigmoid", name="priority")(x),
        "department": layers.Dense(4, activation="softmax", name="department")(x),
    }
    return plait.Model({"title": title, "body": body, "tags": tags}, outputs, name="tickets")


def siamese():
    """A model inside called twice and frozen, another with two inputs."""
    encoder = plait.Sequential(
        [
            plait.Input((32,), name="pixels"),
            layers.Dense(16, activation="relu", name="wide"),
            layers.LayerNormalization(name="norm"),
            layers.Dense(8, name="code"),
        ],
        name="encoder",
    )
    encoder.trainable = False
    first, second = plait.Input((8,), name="first"), plait.Input((8,), name="second")
    difference = layers.Subtract(name="difference")([first, second])
    compare = plait.Model([first, second], layers.Dense(4, name="weigh")(difference), name="compare")
    left, right = plait.Input((32,), name="left"), plait.Input((32,), name="right")
    x = layers.Concatenate(name="join")([compare([encoder(left), encoder(right)]), layers.Dense(2, name="skip")(left)])
    return plait.Model([left, right], layers.Dense(1, name="same")(x), name="siamese")


def long(count=120):
    """Many layers, no two alike."""
    x = start = plait.Input((8,), name="start")
    for index in range(count):
        x = layers.Dropout((index + 1) / (2 * count), name=f"drop_{index}")(x)
        if index % 10 == 9:
            x = layers.Add(name=f"add_{index}")([x, start])
    return plait.Model(start, layers.Dense(1, name="end")(x), name="long")


EXAMPLES = {"chain": chain, "residual": residual, "tickets": tickets, "siamese": siamese, "long": long}

# Pictures that are kept in golden/, and what they show; tools/golden_svg.py draws them.
GOLDEN = {
    "chain": (chain, {"show_shapes": True, "show_layer_activations": True}),
    "residual": (lambda: residual(1), {"show_layer_names": True, "rankdir": "LR"}),
    "tickets": (tickets, {"show_shapes": True, "show_dtype": True, "show_layer_names": True}),
    "siamese": (siamese, {"expand_nested": True, "show_trainable": True, "highlight_layers": ["skip"]}),
}
