"""Layers with kernels in few bits, beside Keras: weights, values, gradients, training, files both ways."""

import warnings

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import oracle
import plait

LAYERS = {
    "dense": (lambda lib, **kw: lib.layers.Dense(5, activation="tanh", name="it", **kw), (8,)),
    "dense, odd, no bias": (lambda lib, **kw: lib.layers.Dense(7, use_bias=False, name="it", **kw), (3, 9)),
    "einsum": (
        lambda lib, **kw: lib.layers.EinsumDense("abc,cde->abde", (3, 2, 5), bias_axes="e", name="it", **kw),
        (3, 8),
    ),
    "einsum over two": (lambda lib, **kw: lib.layers.EinsumDense("abcd,cde->abe", (2, 6), name="it", **kw), (2, 4, 5)),
    "einsum turned": (lambda lib, **kw: lib.layers.EinsumDense("abc,dc->abd", (3, 7), name="it", **kw), (3, 8)),
    "embedding": (lambda lib, **kw: lib.layers.Embedding(9, 7, name="it", **kw), (6,)),
}
MODES = ["int8", "int4", "int4 whole", "float8"]
CASES = [(kind, mode) for kind in LAYERS for mode in MODES if (kind, mode) != ("embedding", "float8")]
# Keras has no adapters in float8, nor for a kernel whose last letter is summed over.
ADAPTED = [(*case, True) for case in CASES if case[1] != "float8" and case[0] != "einsum turned"]
WITH_ADAPTERS = [(*case, False) for case in CASES] + ADAPTED


def named(case):
    return "-".join([*case[:2], *(["adapted"] if case[2:] == (True,) else [])])


def over(cases):
    return pytest.mark.parametrize("case", cases, ids=named)


def told(lib, mode):
    if mode == "int4":
        return {"config": lib.quantizers.Int4QuantizationConfig(block_size=3)}
    return {"config": lib.quantizers.Int4QuantizationConfig(block_size=None)} if " " in mode else {"mode": mode}


def data_of(kind, count=4):
    rng = np.random.default_rng(3)
    shape = (count, *LAYERS[kind][1])
    return (
        rng.integers(0, 9, shape).astype("int32") if kind == "embedding" else rng.normal(size=shape).astype("float32")
    )


def quantised(lib, kind, mode, adapters=False, **kw):
    """A layer of a library with weights of NumPy's, quantised."""
    layer = LAYERS[kind][0](lib, **kw)
    layer.build((None, *LAYERS[kind][1]))
    if adapters:
        layer.enable_lora(2, lora_alpha=3)
    rng = np.random.default_rng(0)
    layer.set_weights([rng.normal(size=w.shape).astype("float32") for w in layer.get_weights()])
    layer.quantize(**told(lib, mode))
    return layer


def described(layer):
    return [(w.name, tuple(w.shape), str(w.dtype), w.trainable) for w in layer.weights]


def same(a, b, rtol=1e-5, atol=1e-6):
    np.testing.assert_allclose(np.asarray(a, "float64"), np.asarray(b, "float64"), rtol=rtol, atol=atol)


@over(WITH_ADAPTERS)
def test_weights_and_values(case):
    ours, x = quantised(plait, *case), data_of(case[0])

    def ask():
        theirs = quantised(keras, *case)
        parts = described(theirs), theirs.dtype_policy.name
        return parts, theirs.get_weights(), theirs(x), getattr(theirs, ours._kernel_name)

    parts, weights, values, kernel = oracle.answer(ask, case, x)
    assert (described(ours), ours.dtype_policy.name) == parts
    for a, b in zip(ours.get_weights(), weights, strict=True):
        same(a, b)
    same(ours(x), values)
    if not case[2]:
        same(getattr(ours, ours._kernel_name), kernel)


@over([case for case in WITH_ADAPTERS if case[0] != "embedding"])
def test_gradients(case):
    x = jnp.asarray(data_of(case[0]))

    def gradients(layer):
        frozen = [v.value for v in layer.non_trainable_variables]

        def loss(trained, x):
            y, _ = layer.stateless_call(trained, frozen, x, training=True)
            return jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype=y.dtype).reshape(y.shape)))

        found = jax.jit(jax.grad(loss, argnums=(0, 1)))([v.value for v in layer.trainable_variables], x)
        return jax.tree.leaves(found)

    theirs = oracle.answer(lambda: gradients(quantised(keras, *case)), case, x)
    for a, b in zip(gradients(quantised(plait, *case)), theirs, strict=True):
        same(a, b, 1e-4, 1e-5)


def model_of(lib, kind, **kw):
    make, shape = LAYERS[kind]
    x = lib.Input(shape, dtype="int32" if kind == "embedding" else "float32")
    return lib.Model(x, lib.layers.Dense(2, name="out")(lib.layers.Flatten()(make(lib, **kw)(x))))


def quantised_model(lib, kind, mode, adapters=False):
    """A model of a library with weights of NumPy's, quantised."""
    model, rng = model_of(lib, kind), np.random.default_rng(0)
    if adapters:
        model.get_layer("it").enable_lora(2)
    model.set_weights([rng.normal(size=w.shape).astype("float32") / 2 for w in model.get_weights()])
    quiet(model.quantize, **told(lib, mode))
    return model


def quiet(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


@over(CASES)
def test_training_changes_the_same_weights_alike(case):
    kind, mode = case
    x, y = data_of(kind, 16), np.random.default_rng(1).normal(size=(16, 2)).astype("float32")

    def trained(model, lib):
        model.compile(lib.optimizers.Adam(0.01), "mse")
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    ours = quantised_model(plait, kind, mode)
    frozen = [w.path for w in ours.non_trainable_weights]
    before = {w.path: w.numpy() for w in ours.weights}
    theirs = oracle.answer(lambda: trained(quantised_model(keras, kind, mode), keras), case, x, y)
    for a, b in zip(trained(ours, plait), theirs, strict=True):
        same(a, b, 1e-3, 1e-4)
    for w in ours.weights:
        if w.path in frozen:
            np.testing.assert_array_equal(w.numpy(), before[w.path])
    assert frozen or mode == "float8"


@over(WITH_ADAPTERS)
def test_files_both_ways(case, tmp_path):
    kind, mode, adapters = case
    x = data_of(kind)
    ours, theirs = (quantised_model(lib, kind, mode, adapters) for lib in (plait, keras))
    expected = ours.predict(x, verbose=0)
    for writer, reader in ((ours, keras), (theirs, plait)):
        writer.save(tmp_path / "whole.keras")
        read = reader.saving.load_model(tmp_path / "whole.keras")
        if adapters:  # they are folded in, and the sum is quantised anew: what the file holds isn't what its writer had
            expected = (
                (plait if writer is ours else keras).saving.load_model(tmp_path / "whole.keras").predict(x, verbose=0)
            )
        assert sorted(w.name for w in read.weights) == sorted(w.name for w in writer.weights)
        assert read.get_layer("it").quantization_mode == mode.partition(" ")[0]
        same(read.predict(x, verbose=0), expected)
        writer.save_weights(tmp_path / "it.weights.h5")
        read = model_of(reader, kind)
        quiet(read.quantize, **told(reader, mode))
        read.load_weights(tmp_path / "it.weights.h5")
        same(read.predict(x, verbose=0), expected)


@over(ADAPTED)
def test_adapters_are_folded_in_as_keras_does_it(case, tmp_path):
    kind, mode, _ = case
    x = data_of(kind)
    read = []
    for model in (quantised_model(lib, kind, mode, adapters=True) for lib in (plait, keras)):
        for w in model.get_layer("it").trainable_weights:
            if "lora" in w.name:
                w.assign(np.random.default_rng(5).normal(size=w.shape) / 3)
        model.save_weights(tmp_path / "it.weights.h5")
        plain = model_of(plait, kind)
        quiet(plain.quantize, **told(plait, mode))
        plain.load_weights(tmp_path / "it.weights.h5")
        read.append(plain)
    for a, b in zip(read[0].get_weights(), read[1].get_weights(), strict=True):
        same(a, b, 1e-4, 1.0 if a.dtype == "int8" and mode != "int8" else 1e-4)
    same(read[0].predict(x, verbose=0), read[1].predict(x, verbose=0), 0.05, 0.05)


@pytest.mark.parametrize(
    "name", ["int8_from_float32", "int4_from_float32", "int4/3_from_float32", "float8_from_float32"]
)
@pytest.mark.parametrize("kind", ["dense", "einsum", "einsum over two"])
def test_a_policy_builds_the_same_weights(kind, name):
    made = [LAYERS[kind][0](lib, dtype=name) for lib in (plait, keras)]
    for layer in made:
        layer.build((None, *LAYERS[kind][1]))
    assert described(made[0]) == described(made[1])
    ours = made[0]
    config = ours.get_config()
    assert config["dtype"] == keras.saving.serialize_keras_object(made[1])["config"]["dtype"]
    again = type(ours).from_config(config)
    again.build((None, *LAYERS[kind][1]))
    again.set_weights(ours.get_weights())
    x = data_of(kind)
    same(again(x), ours(x))


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_mixed_precision(mode):
    ours, theirs = (quantised(lib, "dense", mode, dtype="mixed_bfloat16") for lib in (plait, keras))
    x = data_of("dense")
    assert ours.dtype_policy.name == theirs.dtype_policy.name
    assert ours(x).dtype == theirs(x).dtype == "bfloat16"
    same(ours(x), theirs(x), 0.02, 0.02)


# ---------------------------------------------------------------------------- tables both ways


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("mode", ["int8", "int4", "int4 whole"])
def test_tables_both_ways(mode, tied, tmp_path):
    made = []
    for lib in (plait, keras):
        layer = lib.layers.ReversibleEmbedding(9, 7, tie_weights=tied, logit_soft_cap=5.0, name="it")
        layer.build((None, 4))
        made.append(layer)
    weights = [np.random.default_rng(0).normal(size=w.shape).astype("float32") for w in made[1].get_weights()]
    for layer, lib in zip(made, (plait, keras), strict=True):
        layer.set_weights(weights)
        layer.quantize(**told(lib, mode))
    ours, theirs = made
    assert described(made[0]) == described(made[1])
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        same(a, b)
    x = data_of("embedding")
    same(ours(x), theirs(x))
    same(ours(ours(x), reverse=True), theirs(theirs(x), reverse=True))
    models = [
        lib.Sequential([lib.Input((6,), dtype="int32"), layer]) for lib, layer in zip((plait, keras), made, strict=True)
    ]
    for model, reader in zip(models, (keras, plait), strict=True):
        model.save(tmp_path / "it.keras")
        read = reader.saving.load_model(tmp_path / "it.keras")
        same(read.predict(x, verbose=0), models[0].predict(x, verbose=0))
        same(read.layers[-1](ours(x), reverse=True), ours(ours(x), reverse=True))


def test_adapters_count_on_the_way_back_too():
    layer = plait.layers.ReversibleEmbedding(9, 8)
    layer.build((None, 4))
    layer.enable_lora(2)
    layer.lora_embeddings_b.assign(np.random.default_rng(0).normal(size=(2, 8)))
    x = np.random.default_rng(1).normal(size=(4, 8)).astype("float32")
    before = layer(x, reverse=True)
    layer.quantize("int8")
    same(layer(x, reverse=True), before, 0.02, 0.1)


# ---------------------------------------------------------------------------- models


def small(lib):
    x = lib.Input((4, 8))
    h = lib.layers.MultiHeadAttention(2, 4, name="attend")(x, x)
    h = lib.layers.Dense(6, activation="relu", name="trunk")(lib.layers.LayerNormalization()(h))
    return lib.Model(x, lib.layers.Dense(3, name="head")(lib.layers.GlobalAveragePooling1D()(h)))


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_a_model_quantises_what_is_inside_its_layers(mode):
    ours, theirs = small(plait), small(keras)
    ours.set_weights(theirs.get_weights())
    x = np.random.default_rng(0).normal(size=(5, 4, 8)).astype("float32")
    before = ours(x)
    ours.quantize(mode)
    quiet(theirs.quantize, mode)
    assert [(w.name, tuple(w.shape)) for w in ours.weights] == [(w.name, tuple(w.shape)) for w in theirs.weights]
    same(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), 1e-4, 1e-5)
    assert not np.array_equal(before, ours(x))


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_file_with_quantised_layers_inside_layers_opens_on_both_sides(mode, tmp_path):
    model = small(plait)
    model.quantize(mode)
    x = np.random.default_rng(0).normal(size=(5, 4, 8)).astype("float32")
    model.save(tmp_path / "it.keras")
    for reader in (plait, keras):
        read = reader.saving.load_model(tmp_path / "it.keras")
        same(read.predict(x, verbose=0), model.predict(x, verbose=0), 1e-4, 1e-5)


@pytest.mark.parametrize(
    "filters", ["tru", ["trunk", "hea"], lambda layer: layer.name == "head"], ids=["one", "list", "function"]
)
def test_filters_choose_layers(filters):
    ours, theirs = small(plait), small(keras)
    ours.quantize("int8", filters=filters)
    quiet(theirs.quantize, "int8", filters=filters)
    modes = [[model.get_layer(name).quantization_mode for name in ("trunk", "head")] for model in (ours, theirs)]
    assert modes[0] == modes[1]


def test_training_goes_on_after_a_compiled_model_is_quantised():
    x, y = np.random.default_rng(0).normal(size=(32, 4, 8)).astype("float32"), np.zeros((32, 3))
    model = small(plait)
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    model.quantize("int8", filters="trunk|head")
    kept = {v.path for v in model.optimizer.variables}
    assert not any("trunk" in path and "kernel" in path for path in kept)
    assert any("trunk" in path and "bias" in path for path in kept)
    kernel = model.get_layer("trunk").kernel.numpy()
    losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    np.testing.assert_array_equal(model.get_layer("trunk").kernel.numpy(), kernel)


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_a_file_of_a_trained_model_trains_on_alike(mode, tmp_path):
    x, y = np.random.default_rng(0).normal(size=(32, 8)).astype("float32"), np.zeros((32, 2))
    model = plait.Sequential([plait.Input((8,)), plait.layers.Dense(4), plait.layers.Dense(2)])
    model.quantize(mode)
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "it.keras")
    read = plait.load_model(tmp_path / "it.keras")
    histories = [m.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"] for m in (model, read)]
    same(*histories)


def test_a_copy_a_pickle_and_the_summary_of_a_quantised_model():
    import copy
    import pickle

    model = plait.Sequential([plait.Input((8,)), plait.layers.Dense(4)])
    model.layers[0].enable_lora(2)
    model.quantize("int8")
    x = np.random.default_rng(0).normal(size=(3, 8)).astype("float32")
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        same(other(x), model(x))
        assert other.layers[0].call.__self__ is other.layers[0]
    lines: list = []
    model.summary(print_fn=lines.append)
    assert "64" in "".join(lines)  # 32 integers, 4 scales, 4 biases, 24 in the adapters


def test_what_cannot_be_quantised_is_refused():
    layer = plait.layers.Dense(2)
    with pytest.raises(ValueError, match="Cannot quantize a layer that isn't yet built"):
        layer.quantize("int8")
    layer.build((None, 3))
    for wrong in ("int7", "gptq"):
        with pytest.raises(ValueError, match=r"Invalid quantization mode\. Expected one of"):
            layer.quantize(wrong)
    with pytest.raises(ValueError, match="`mode` and `config` must agree"):
        layer.quantize("int8", config=plait.quantizers.Int4QuantizationConfig())
    layer.quantize("int8")
    with pytest.raises(ValueError, match="is already quantized with dtype_policy='int8_from_float32'"):
        layer.quantize("int4")
    embedding = plait.layers.Embedding(3, 2)
    embedding.build()
    with pytest.raises(NotImplementedError, match=r"Invalid quantization mode\. Expected one of"):
        embedding.quantize("float8")
    with pytest.raises(NotImplementedError, match="does not have a `quantize`"):
        plait.layers.Conv2D(2, 3).quantize("int8")
    with pytest.raises(ValueError, match="doesn't work well"):
        plait.layers.Dense(2, dtype="int8_from_mixed_float16")

    class Own(plait.layers.Dense):
        pass

    own = Own(2)
    own.build((None, 3))
    with pytest.raises(NotImplementedError, match="may have a `call` of its own"):
        own.quantize("int8")
    own.quantize("int8", type_check=False)
    several = plait.layers.Dense(2)
    several([np.zeros((1, 3)), np.zeros((1, 4))])
    with pytest.raises(ValueError, match="this one has 2"):
        several.quantize("int8")
    model = plait.Sequential([plait.layers.Dense(2, name="first")])
    with pytest.raises(ValueError, match="not built: 'first'"):
        model.quantize("int8")
    with pytest.raises(ValueError, match="Unrecognized keyword"):
        model.quantize("int8", unknown=1)
    with pytest.raises(ValueError, match="`filters` argument"):
        model.quantize("int8", filters=3)
    with pytest.warns(UserWarning, match="no layer with a kernel"):
        plait.Sequential([plait.Input((3,)), plait.layers.ReLU()]).quantize("int8")


# ---------------------------------------------------------------------------- policies by path


def test_a_map_hands_each_inner_layer_its_policy():
    outputs = []
    for lib in (plait, keras):
        policies = lib.dtype_policies.DTypePolicyMap("float32")
        policies["mha/query"] = lib.dtype_policies.QuantizedDTypePolicy("int8", "float32")
        policies["mha/(key|value)"] = "bfloat16"
        layer = lib.layers.MultiHeadAttention(3, 8, dtype=policies, name="mha")
        layer.build((1, 2, 2), (1, 2, 2), (1, 2, 2))
        outputs.append([(w.name, str(w.dtype)) for w in layer.weights])
        config = lib.saving.serialize_keras_object(layer)["config"]
        assert config["dtype"]["class_name"] == "DTypePolicyMap"
        again = lib.layers.MultiHeadAttention.from_config(config)
        again.build((1, 2, 2), (1, 2, 2), (1, 2, 2))
        assert [str(w.dtype) for w in again.weights] == [dtype for _, dtype in outputs[-1]]
    assert outputs[0] == outputs[1]


def test_the_policy_of_a_built_layer_is_set_in_its_map():
    policies = plait.dtype_policies.DTypePolicyMap("float32")
    layer = plait.layers.Dense(2, dtype=policies, name="it")
    layer.build((None, 3))
    layer.dtype_policy = "int8_from_float32"
    assert layer.kernel.dtype == "int8"
    assert policies["it"].name == "int8_from_float32"
    assert layer.dtype_policy is policies


def test_a_map_keeps_what_its_policies_start_from():
    policies = plait.dtype_policies.DTypePolicyMap()
    policies["a"] = "int8_from_mixed_bfloat16"
    again = plait.dtype_policies.deserialize(plait.dtype_policies.serialize(policies))
    assert again["a"].name == "int8_from_mixed_bfloat16"
    assert again == policies


# ---------------------------------------------------------------------------- what Keras doesn't have


def test_the_kernel_of_integers_with_adapters_is_the_one_that_counts():
    layer = plait.layers.Dense(5, use_bias=False)
    layer.build((None, 8))
    layer.quantize(config=plait.quantizers.Int8QuantizationConfig(activation_quantizer=None))
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(np.random.default_rng(0).normal(size=(2, 5)))
    x = data_of("dense")
    same(layer(x), x @ np.asarray(layer.kernel), 1e-4, 1e-5)
    wanted = np.random.default_rng(1).normal(size=(8, 5)).astype("float32")
    layer.kernel.assign(wanted)
    same(layer.kernel, wanted, 0.02, 0.02)


@pytest.mark.parametrize("mode", ["int8", "int4", "int4 whole", "float8"])
@pytest.mark.parametrize(
    "equation, output, shape",
    [("...ab,abc->...c", 6, (3, 4, 5)), ("abc,dc->abd", (3, 7), (3, 8)), ("ab...,bc->ac...", (6, 5), (4, 5))],
)
def test_any_equation_takes_integers_and_adapters(equation, output, shape, mode):
    layer = plait.layers.EinsumDense(equation, output)
    layer.build((None, *shape))
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(np.random.default_rng(0).normal(size=layer.lora_kernel_b.shape) / 4)
    x = np.random.default_rng(1).normal(size=(2, *shape)).astype("float32")
    before = np.asarray(layer(x))
    layer.quantize(**told(plait, mode))
    error = np.abs(np.asarray(layer(x)) - before).mean() / np.abs(before).mean()
    assert 0 < error < (0.02 if mode == "int8" else 0.25)


@pytest.mark.parametrize("tied", [True, False])
def test_gradients_go_through_the_way_back(tied):
    layer = plait.layers.ReversibleEmbedding(9, 8, tie_weights=tied)
    layer.build((None, 4))
    x = jnp.asarray(np.random.default_rng(1).normal(size=(4, 8)), "float32")

    def loss(x):
        return jnp.sum(layer(x, reverse=True) * jnp.cos(jnp.arange(36.0).reshape(4, 9)))

    before = jax.grad(loss)(x)
    layer.quantize("int8")
    same(jax.grad(loss)(x), before, 0.02, 0.02)


def test_a_table_built_without_shapes_comes_back_from_a_file(tmp_path):
    layer = plait.layers.Embedding(9, 4)
    layer.build()
    model = plait.Sequential([layer])
    model.save(tmp_path / "it.keras")
    read = plait.load_model(tmp_path / "it.keras")
    np.testing.assert_array_equal(read.layers[0].embeddings.numpy(), layer.embeddings.numpy())


def test_a_rewrite_leaves_kernels_of_integers_alone():
    model = plait.Sequential([plait.Input((8,)), plait.layers.Dense(4, name="few"), plait.layers.Dense(2, name="all")])
    model.quantize("int8", filters="few")
    adapted = plait.surgery.lora(model, rank=2)
    assert [type(layer).__name__ for layer in adapted.layers[1:]] == ["Dense", "LowRank"]
    x = data_of("dense")
    same(adapted(x), model(x))


def test_patterns_of_a_file_that_may_take_for_ever_are_refused():
    for pattern in ("(a+)+", "(a|a)*b", ".*.*.*"):
        config = {"default_policy": None, "policy_map": {pattern: "float32"}}
        with pytest.raises(ValueError, match="for ever to match"):
            plait.dtype_policies.deserialize({"class_name": "DTypePolicyMap", "config": config})
    assert plait.dtype_policies.DTypePolicyMap("float32", {"a(b": "bfloat16"})["ab"].name == "float32"


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_whole_numbers_and_a_list_of_one_tensor_come_in_as_before(mode):
    layer = plait.layers.Dense(5)
    whole = np.random.default_rng(0).integers(-3, 9, (4, 8))
    before = np.asarray(layer([whole.astype("float32")]))
    layer.quantize(mode)
    for x in ([whole.astype("float32")], [whole]):
        y = layer(x)
        assert y.dtype == "float32"
        assert np.abs(np.asarray(y) - before).mean() < 0.1 * np.abs(before).mean()


def test_a_quantizer_that_fails_leaves_the_layer_as_it_was():
    class Broken(plait.quantizers.AbsMaxQuantizer):
        def __call__(self, x, axis=None, to_numpy=False):
            raise OSError("no")

    layer = plait.layers.ReversibleEmbedding(9, 4, tie_weights=False)
    layer.build()
    before, x = layer.get_weights(), data_of("embedding")
    expected = layer(x)
    with pytest.raises(OSError, match="no"):
        layer.quantize(config=plait.quantizers.Int8QuantizationConfig(Broken()))
    for a, b in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    same(layer(x), expected)
    layer.quantize("int8")
    same(layer(x), expected, 0.02, 0.02)


def test_adapters_of_a_layer_in_float8_are_folded_into_files(tmp_path):
    model = model_of(plait, "dense")
    layer = model.get_layer("it")
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(np.random.default_rng(0).normal(size=(2, 5)))
    model.quantize("float8")
    model.save_weights(tmp_path / "it.weights.h5")
    for lib in (plait, keras):
        read = model_of(lib, "dense")
        read.quantize("float8", filters=lambda layer: "input" not in layer.name and "flatten" not in layer.name)
        read.load_weights(tmp_path / "it.weights.h5")
        same(read.predict(data_of("dense"), verbose=0), model.predict(data_of("dense"), verbose=0), 1e-4, 1e-5)
