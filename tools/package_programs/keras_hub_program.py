"""keras-hub: small backbones from one seed on one batch, and its modeling layers."""

import keras
import keras_hub
import numpy as np

rng = np.random.RandomState(0)
tokens = rng.randint(1, 9, (2, 6))
mask = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]])
text = {"token_ids": tokens, "padding_mask": mask}
segments = {**text, "segment_ids": np.zeros((2, 6), "int32")}
small = {"vocabulary_size": 10, "num_layers": 1, "num_heads": 2, "hidden_dim": 4, "intermediate_dim": 8}
grouped = {
    "vocabulary_size": 10, "num_layers": 1, "num_query_heads": 2, "num_key_value_heads": 1, "hidden_dim": 4,
    "intermediate_dim": 8,
}  # fmt: skip
models = keras_hub.models


def told(name, value):
    for key, part in sorted(value.items()) if isinstance(value, dict) else [("", value)]:
        part = np.asarray(part, "float32")
        print(name, key, part.shape, round(float(np.abs(part).mean()), 4), round(float(part.ravel()[0]), 4))


def ran(name, batch, **options):
    keras.utils.set_random_seed(5)
    model = getattr(models, name)(**options)
    told(f"{name} {model.count_params()}", model(batch))
    again = type(model).from_config(model.get_config())
    print(name, "config", again.count_params())


ran("BertBackbone", segments, **small, max_sequence_length=6)
ran("RobertaBackbone", text, **small, max_sequence_length=6)
ran("DistilBertBackbone", text, **small, max_sequence_length=6)
ran("AlbertBackbone", segments, **small, embedding_dim=4, max_sequence_length=6)
ran("DebertaV3Backbone", text, **small, max_sequence_length=6, bucket_size=4)
ran("GPT2Backbone", text, **small, max_sequence_length=6)
ran("GPTNeoXBackbone", text, **small, max_sequence_length=6)
ran("OPTBackbone", text, **small, max_sequence_length=6)
ran("BloomBackbone", text, **small)
ran("LlamaBackbone", text, **grouped)
ran("MistralBackbone", text, **grouped, sliding_window=4)
ran("GemmaBackbone", text, **grouped, head_dim=2)
ran("Qwen2Backbone" if hasattr(models, "Qwen2Backbone") else "QwenBackbone", text, **grouped)
both = {
    "encoder_token_ids": tokens, "encoder_padding_mask": mask, "decoder_token_ids": tokens, "decoder_padding_mask": mask,
}  # fmt: skip
ran("BartBackbone", both, **small, max_sequence_length=6)
ran("T5Backbone", both, **small)
pictures = rng.uniform(size=(1, 32, 32, 3)).astype("float32")
ran("DenseNetBackbone", pictures, stackwise_num_repeats=[1, 1, 1], growth_rate=2, image_shape=(32, 32, 3))
ran("VGGBackbone", pictures, stackwise_num_repeats=[1, 1], stackwise_num_filters=[2, 4], image_shape=(32, 32, 3))
ran("ViTBackbone", pictures, image_shape=(32, 32, 3), patch_size=16, num_layers=1, num_heads=2, hidden_dim=4, mlp_dim=8)

layers = keras_hub.layers
x = rng.normal(size=(2, 6, 4)).astype("float32")
for name, layer, *inputs in (
    ("TransformerEncoder", layers.TransformerEncoder(8, 2), x),
    ("TransformerDecoder", layers.TransformerDecoder(8, 2), x, x),
    ("TokenAndPositionEmbedding", layers.TokenAndPositionEmbedding(10, 6, 4), tokens),
    ("PositionEmbedding", layers.PositionEmbedding(6), x),
    ("SinePositionEncoding", layers.SinePositionEncoding(), x),
    ("RotaryEmbedding", layers.RotaryEmbedding(), x),
    ("FNetEncoder", layers.FNetEncoder(8), x),
    ("CachedMultiHeadAttention", layers.CachedMultiHeadAttention(2, 2), x, x),
    ("ReversibleEmbedding", layers.ReversibleEmbedding(10, 4), tokens),
    ("RMSNormalization", layers.RMSNormalization(4), x),
    ("MaskedLMHead", layers.MaskedLMHead(vocabulary_size=10), x, tokens[:, :2] % 6),
):
    keras.utils.set_random_seed(6)
    told(name, layer(*inputs))
for name, metric in (("Perplexity", keras_hub.metrics.Perplexity(from_logits=True)),):
    print(name, round(float(metric(tokens, rng.normal(size=(2, 6, 10)).astype("float32"))), 3))
