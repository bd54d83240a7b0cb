"""Whole networks: those of the thesis, at the thesis's sizes and at sizes for a CPU."""

from fgr.models.alexnet import alexnet, retraining_groups
from fgr.models.architectures import architecture
from fgr.models.att2 import WRNAtt2
from fgr.models.cifar_quick import cifar_quick
from fgr.models.cluttered_cnn import cluttered_cnn
from fgr.models.densenet import DenseNetBC
from fgr.models.digit_cnn import digit_cnn
from fgr.models.efficientnet_lite import EfficientNetLite0, load_efficientnet_weights
from fgr.models.features import extract_features, find_layer
from fgr.models.glimpse import FromOneImage, Until, glimpse_cnn, glimpse_vgg
from fgr.models.mlp import mlp
from fgr.models.named import load_network, preparation
from fgr.models.resnet_cifar import ResNetCIFAR
from fgr.models.resnext import ResNeXt
from fgr.models.spatial_transformer import SpatialTransformer, localization_cnn
from fgr.models.vgg import VGG, face_cnn, load_vgg_weights, vgg16
from fgr.models.warn import WARN
from fgr.models.wide_resnet import WideResNet

__all__ = [
    "VGG",
    "WARN",
    "DenseNetBC",
    "EfficientNetLite0",
    "FromOneImage",
    "ResNeXt",
    "ResNetCIFAR",
    "SpatialTransformer",
    "Until",
    "WRNAtt2",
    "WideResNet",
    "alexnet",
    "architecture",
    "cifar_quick",
    "cluttered_cnn",
    "digit_cnn",
    "extract_features",
    "face_cnn",
    "find_layer",
    "glimpse_cnn",
    "glimpse_vgg",
    "load_efficientnet_weights",
    "load_network",
    "load_vgg_weights",
    "localization_cnn",
    "mlp",
    "preparation",
    "retraining_groups",
    "vgg16",
]
