"""Whole networks: those of the thesis, at the thesis's sizes and at sizes for a CPU."""

from fgr.models.architectures import architecture
from fgr.models.digit_cnn import digit_cnn
from fgr.models.mlp import mlp
from fgr.models.resnet_cifar import ResNetCIFAR
from fgr.models.wide_resnet import WideResNet

__all__ = ["ResNetCIFAR", "WideResNet", "architecture", "digit_cnn", "mlp"]
