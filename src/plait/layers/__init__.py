"""All layers, under the names that Keras users know."""

from plait.layers.activation import ELU as ELU
from plait.layers.activation import LeakyReLU as LeakyReLU
from plait.layers.activation import PReLU as PReLU
from plait.layers.activation import ReLU as ReLU
from plait.layers.activation import Softmax as Softmax
from plait.layers.attention import AdditiveAttention as AdditiveAttention
from plait.layers.attention import Attention as Attention
from plait.layers.attention import MultiHeadAttention as MultiHeadAttention
from plait.layers.base import Layer as Layer
from plait.layers.conditioning import AdaLNZero as AdaLNZero
from plait.layers.conditioning import ConditionalBatchNormalization as ConditionalBatchNormalization
from plait.layers.conditioning import ConditionalInstanceNormalization as ConditionalInstanceNormalization
from plait.layers.conditioning import ConditionalLayerNormalization as ConditionalLayerNormalization
from plait.layers.conditioning import CrossAttentionConditioning as CrossAttentionConditioning
from plait.layers.conditioning import FiLM as FiLM
from plait.layers.conditioning import GatedConditioning as GatedConditioning
from plait.layers.conditioning import HyperConv1D as HyperConv1D
from plait.layers.conditioning import HyperConv2D as HyperConv2D
from plait.layers.conditioning import HyperConv3D as HyperConv3D
from plait.layers.conditioning import HyperDense as HyperDense
from plait.layers.convolution import Conv1D as Conv1D
from plait.layers.convolution import Conv1D as Convolution1D
from plait.layers.convolution import Conv1DTranspose as Conv1DTranspose
from plait.layers.convolution import Conv1DTranspose as Convolution1DTranspose
from plait.layers.convolution import Conv2D as Conv2D
from plait.layers.convolution import Conv2D as Convolution2D
from plait.layers.convolution import Conv2DTranspose as Conv2DTranspose
from plait.layers.convolution import Conv2DTranspose as Convolution2DTranspose
from plait.layers.convolution import Conv3D as Conv3D
from plait.layers.convolution import Conv3D as Convolution3D
from plait.layers.convolution import Conv3DTranspose as Conv3DTranspose
from plait.layers.convolution import Conv3DTranspose as Convolution3DTranspose
from plait.layers.convolution import DepthwiseConv1D as DepthwiseConv1D
from plait.layers.convolution import DepthwiseConv2D as DepthwiseConv2D
from plait.layers.convolution import SeparableConv1D as SeparableConv1D
from plait.layers.convolution import SeparableConv1D as SeparableConvolution1D
from plait.layers.convolution import SeparableConv2D as SeparableConv2D
from plait.layers.convolution import SeparableConv2D as SeparableConvolution2D
from plait.layers.convolutional_recurrent import ConvLSTM1D as ConvLSTM1D
from plait.layers.convolutional_recurrent import ConvLSTM2D as ConvLSTM2D
from plait.layers.convolutional_recurrent import ConvLSTM3D as ConvLSTM3D
from plait.layers.core import Activation as Activation
from plait.layers.core import Dense as Dense
from plait.layers.core import Embedding as Embedding
from plait.layers.core import Identity as Identity
from plait.layers.core import Lambda as Lambda
from plait.layers.core import Masking as Masking
from plait.layers.einsum_dense import EinsumDense as EinsumDense
from plait.layers.experts import CGC as CGC
from plait.layers.experts import PLE as PLE
from plait.layers.experts import CrossStitch as CrossStitch
from plait.layers.experts import MMoE as MMoE
from plait.layers.experts import TaskAttention as TaskAttention
from plait.layers.grouped_attention import GroupedQueryAttention as GroupQueryAttention
from plait.layers.grouped_attention import GroupedQueryAttention as GroupedQueryAttention
from plait.layers.input import Input as Input
from plait.layers.input import InputLayer as InputLayer
from plait.layers.input_spec import InputSpec as InputSpec
from plait.layers.jax_layer import FlaxLayer as FlaxLayer
from plait.layers.jax_layer import JaxLayer as JaxLayer
from plait.layers.merging import Add as Add
from plait.layers.merging import Average as Average
from plait.layers.merging import Concatenate as Concatenate
from plait.layers.merging import Dot as Dot
from plait.layers.merging import Maximum as Maximum
from plait.layers.merging import Minimum as Minimum
from plait.layers.merging import Multiply as Multiply
from plait.layers.merging import Subtract as Subtract
from plait.layers.merging import add as add
from plait.layers.merging import average as average
from plait.layers.merging import concatenate as concatenate
from plait.layers.merging import dot as dot
from plait.layers.merging import maximum as maximum
from plait.layers.merging import minimum as minimum
from plait.layers.merging import multiply as multiply
from plait.layers.merging import subtract as subtract
from plait.layers.normalization import BatchNormalization as BatchNormalization
from plait.layers.normalization import GroupNormalization as GroupNormalization
from plait.layers.normalization import LayerNormalization as LayerNormalization
from plait.layers.normalization import RMSNormalization as RMSNormalization
from plait.layers.normalization import UnitNormalization as UnitNormalization
from plait.layers.pooling import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
from plait.layers.pooling import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
from plait.layers.pooling import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
from plait.layers.pooling import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
from plait.layers.pooling import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
from plait.layers.pooling import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
from plait.layers.pooling import AveragePooling1D as AveragePooling1D
from plait.layers.pooling import AveragePooling1D as AvgPool1D
from plait.layers.pooling import AveragePooling2D as AveragePooling2D
from plait.layers.pooling import AveragePooling2D as AvgPool2D
from plait.layers.pooling import AveragePooling3D as AveragePooling3D
from plait.layers.pooling import AveragePooling3D as AvgPool3D
from plait.layers.pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from plait.layers.pooling import GlobalAveragePooling1D as GlobalAvgPool1D
from plait.layers.pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from plait.layers.pooling import GlobalAveragePooling2D as GlobalAvgPool2D
from plait.layers.pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from plait.layers.pooling import GlobalAveragePooling3D as GlobalAvgPool3D
from plait.layers.pooling import GlobalMaxPooling1D as GlobalMaxPool1D
from plait.layers.pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from plait.layers.pooling import GlobalMaxPooling2D as GlobalMaxPool2D
from plait.layers.pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from plait.layers.pooling import GlobalMaxPooling3D as GlobalMaxPool3D
from plait.layers.pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from plait.layers.pooling import MaxPooling1D as MaxPool1D
from plait.layers.pooling import MaxPooling1D as MaxPooling1D
from plait.layers.pooling import MaxPooling2D as MaxPool2D
from plait.layers.pooling import MaxPooling2D as MaxPooling2D
from plait.layers.pooling import MaxPooling3D as MaxPool3D
from plait.layers.pooling import MaxPooling3D as MaxPooling3D
from plait.layers.preprocessing.audio import MelSpectrogram as MelSpectrogram
from plait.layers.preprocessing.audio import STFTSpectrogram as STFTSpectrogram
from plait.layers.preprocessing.categorical import CategoryEncoding as CategoryEncoding
from plait.layers.preprocessing.categorical import Discretization as Discretization
from plait.layers.preprocessing.categorical import HashedCrossing as HashedCrossing
from plait.layers.preprocessing.categorical import Hashing as Hashing
from plait.layers.preprocessing.image_color import RandomBrightness as RandomBrightness
from plait.layers.preprocessing.image_color import RandomColorDegeneration as RandomColorDegeneration
from plait.layers.preprocessing.image_color import RandomColorJitter as RandomColorJitter
from plait.layers.preprocessing.image_color import RandomContrast as RandomContrast
from plait.layers.preprocessing.image_color import RandomGrayscale as RandomGrayscale
from plait.layers.preprocessing.image_color import RandomHue as RandomHue
from plait.layers.preprocessing.image_color import RandomSaturation as RandomSaturation
from plait.layers.preprocessing.image_distortion import RandomElasticTransform as RandomElasticTransform
from plait.layers.preprocessing.image_distortion import RandomPerspective as RandomPerspective
from plait.layers.preprocessing.image_geometry import RandomFlip as RandomFlip
from plait.layers.preprocessing.image_geometry import RandomRotation as RandomRotation
from plait.layers.preprocessing.image_geometry import RandomShear as RandomShear
from plait.layers.preprocessing.image_geometry import RandomTranslation as RandomTranslation
from plait.layers.preprocessing.image_geometry import RandomZoom as RandomZoom
from plait.layers.preprocessing.image_histogram import (
    ContrastLimitedAdaptiveHistogramEqualization as ContrastLimitedAdaptiveHistogramEqualization,
)
from plait.layers.preprocessing.image_histogram import Equalization as Equalization
from plait.layers.preprocessing.image_mixing import CutMix as CutMix
from plait.layers.preprocessing.image_mixing import MixUp as MixUp
from plait.layers.preprocessing.image_mixing import RandomErasing as RandomErasing
from plait.layers.preprocessing.image_policies import AugMix as AugMix
from plait.layers.preprocessing.image_policies import MaxNumBoundingBoxes as MaxNumBoundingBoxes
from plait.layers.preprocessing.image_policies import Pipeline as Pipeline
from plait.layers.preprocessing.image_policies import RandAugment as RandAugment
from plait.layers.preprocessing.image_size import CenterCrop as CenterCrop
from plait.layers.preprocessing.image_size import RandomCrop as RandomCrop
from plait.layers.preprocessing.image_size import Resizing as Resizing
from plait.layers.preprocessing.image_tone import AutoContrast as AutoContrast
from plait.layers.preprocessing.image_tone import RandomGaussianBlur as RandomGaussianBlur
from plait.layers.preprocessing.image_tone import RandomInvert as RandomInvert
from plait.layers.preprocessing.image_tone import RandomPosterization as RandomPosterization
from plait.layers.preprocessing.image_tone import RandomSharpness as RandomSharpness
from plait.layers.preprocessing.image_tone import Solarization as Solarization
from plait.layers.preprocessing.lookup import IntegerLookup as IntegerLookup
from plait.layers.preprocessing.lookup import StringLookup as StringLookup
from plait.layers.preprocessing.numeric import Normalization as Normalization
from plait.layers.preprocessing.numeric import Rescaling as Rescaling
from plait.layers.preprocessing.text import TextVectorization as TextVectorization
from plait.layers.recurrent import GRU as GRU
from plait.layers.recurrent import LSTM as LSTM
from plait.layers.recurrent import RNN as RNN
from plait.layers.recurrent import SimpleRNN as SimpleRNN
from plait.layers.recurrent_cells import GRUCell as GRUCell
from plait.layers.recurrent_cells import LSTMCell as LSTMCell
from plait.layers.recurrent_cells import SimpleRNNCell as SimpleRNNCell
from plait.layers.recurrent_cells import StackedRNNCells as StackedRNNCells
from plait.layers.regularization import ActivityRegularization as ActivityRegularization
from plait.layers.regularization import AlphaDropout as AlphaDropout
from plait.layers.regularization import Dropout as Dropout
from plait.layers.regularization import GaussianDropout as GaussianDropout
from plait.layers.regularization import GaussianNoise as GaussianNoise
from plait.layers.regularization import SpatialDropout1D as SpatialDropout1D
from plait.layers.regularization import SpatialDropout2D as SpatialDropout2D
from plait.layers.regularization import SpatialDropout3D as SpatialDropout3D
from plait.layers.reshaping import Cropping1D as Cropping1D
from plait.layers.reshaping import Cropping2D as Cropping2D
from plait.layers.reshaping import Cropping3D as Cropping3D
from plait.layers.reshaping import Flatten as Flatten
from plait.layers.reshaping import Permute as Permute
from plait.layers.reshaping import RepeatVector as RepeatVector
from plait.layers.reshaping import Reshape as Reshape
from plait.layers.reshaping import UpSampling1D as UpSampling1D
from plait.layers.reshaping import UpSampling2D as UpSampling2D
from plait.layers.reshaping import UpSampling3D as UpSampling3D
from plait.layers.reshaping import ZeroPadding1D as ZeroPadding1D
from plait.layers.reshaping import ZeroPadding2D as ZeroPadding2D
from plait.layers.reshaping import ZeroPadding3D as ZeroPadding3D
from plait.layers.reversible_embedding import ReversibleEmbedding as ReversibleEmbedding
from plait.layers.serialization import deserialize as deserialize
from plait.layers.serialization import serialize as serialize
from plait.layers.spectral import SpectralNormalization as SpectralNormalization
from plait.layers.wrappers import Bidirectional as Bidirectional
from plait.layers.wrappers import TimeDistributed as TimeDistributed
from plait.layers.wrappers import Wrapper as Wrapper

__all__ = [
    "Activation",
    "ActivityRegularization",
    "AdaLNZero",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "Attention",
    "AugMix",
    "AutoContrast",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "CGC",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "ConditionalBatchNormalization",
    "ConditionalInstanceNormalization",
    "ConditionalLayerNormalization",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "CrossAttentionConditioning",
    "CrossStitch",
    "CutMix",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "ELU",
    "EinsumDense",
    "Embedding",
    "Equalization",
    "FiLM",
    "Flatten",
    "FlaxLayer",
    "GRU",
    "GRUCell",
    "GatedConditioning",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "GroupQueryAttention",
    "GroupedQueryAttention",
    "HashedCrossing",
    "Hashing",
    "HyperConv1D",
    "HyperConv2D",
    "HyperConv3D",
    "HyperDense",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "JaxLayer",
    "LSTM",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MMoE",
    "Masking",
    "MaxNumBoundingBoxes",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "MelSpectrogram",
    "Minimum",
    "MixUp",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "PLE",
    "PReLU",
    "Permute",
    "Pipeline",
    "RMSNormalization",
    "RNN",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "ReversibleEmbedding",
    "STFTSpectrogram",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "Solarization",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StackedRNNCells",
    "StringLookup",
    "Subtract",
    "TaskAttention",
    "TextVectorization",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]
