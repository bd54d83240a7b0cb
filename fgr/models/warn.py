"""WARN: the wide residual network with attention of chapter 4, to the last parameter.

P. Rodríguez et al.: Attend and Rectify: a Gated Attention Mechanism for Fine-Grained Recognition, ECCV 2018. Attention
modules read the stages of a wide residual network after the BatchNorm and ReLU that follow each (shared with the main
path), the last stage first.
"""

from typing import Any

from torch import nn

from fgr.attention import AttendAndRectify, Rectifier
from fgr.checks import check_choice
from fgr.models.wide_resnet import WideResNet

TAPS = ("relu", "stages.2.0.relu1", "stages.1.0.relu1")  # what reads stage 3, 2 and 1, behind its BatchNorm


class WARN(AttendAndRectify):
    """Classify 32 x 32 images with WARN-depth-width.

    The defaults are those of the released runs behind Tables 4.1 and 4.2. They differ from the wide residual network
    of Zagoruyko in three places, which are options: the shortcut reads the raw input, BatchNorm and ReLU follow the
    stem, and dropout (where it is used) drops channels. `base` holds that network, `rectifier` the attention.

    Args:
        depth: 6 N + 4, so 10, 16, 22, 28, 40 ...
        width: the widening factor.
        num_classes: L, how many classes there are.
        attention_depth: AD, 1 to 3: the number of stages attended to, from the last one. Without attention, take
            `WideResNet` with the same options.
        heads: K, the attention width (AW).
        dropout: rate in each block. The logged runs had none but one, with 0.3; the thesis says otherwise.
        dropout_kind: "channel" or "elementwise".
        shortcut: "raw" or "preactivated".
        stem_bn: normalise and rectify after the stem.
        in_channels: C of the images.
        norm_weights: BatchNorm's weights start at "ones", or "uniform" in [0, 1] as torch drew them when the logged
            runs were made (March 2018).
        options: further arguments of `fgr.attention.Rectifier`: gates, sum_of, gate_norm, masks, head_gates, tap_norm,
            block_gradients, look_first.

    Shapes: images (B, C, H, W) -> (log_scores (B, L), masks (B, K, H / s, W / s) with s = 4, 2, 1, gates (B, AD + 1)).

    Raises:
        ValueError: on a depth or an attention depth that does not exist, or an unknown option.

    Example:
        >>> import torch
        >>> log_scores, masks, gates = WARN(depth=10, width=1, heads=2)(torch.zeros(2, 3, 32, 32))
        >>> log_scores.shape, gates.shape, [mask.shape[2] for mask in masks]
        (torch.Size([2, 10]), torch.Size([2, 4]), [8, 16, 32])
    """

    def __init__(
        self,
        depth: int = 28,
        width: int = 10,
        num_classes: int = 10,
        attention_depth: int = 3,
        heads: int = 4,
        dropout: float = 0.0,
        dropout_kind: str = "channel",
        shortcut: str = "raw",
        stem_bn: bool = True,
        in_channels: int = 3,
        norm_weights: str = "ones",
        **options: Any,
    ) -> None:
        if attention_depth not in range(1, len(TAPS) + 1):
            raise ValueError(
                f"attention_depth must be 1 to {len(TAPS)}, got {attention_depth}; without attention, take WideResNet"
            )
        check_choice(norm_weights, ("ones", "uniform"), "norm_weights")
        base = WideResNet(depth, width, num_classes, dropout, dropout_kind, shortcut, stem_bn, in_channels)
        channels = [64 * width, 32 * width, 16 * width][:attention_depth]
        rectifier = Rectifier(channels, 64 * width, num_classes, heads, **options)
        super().__init__(base, rectifier, TAPS[:attention_depth], classifier="classifier")
        if norm_weights == "uniform":
            for module in self.modules():
                if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                    nn.init.uniform_(module.weight)
