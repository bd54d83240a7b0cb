"""A cosine classifier: a modern last layer to compare output codes with.

S. Gidaris, N. Komodakis: Dynamic Few-Shot Visual Learning without Forgetting, CVPR 2018; F. Wang et al.: NormFace,
MM 2017. Logits are scaled cosines between features and learned class directions; there is no bias.
"""

import torch
from torch import Tensor, nn

from fgr.checks import check_positive, check_shape
from fgr.output_codes.decoder import unit_rows


class CosineHead(nn.Module):
    """Return scale * cos(features, class directions).

    Args:
        in_features: d, length of the features.
        num_classes: n, how many classes there are.
        scale: inverse temperature, above 0 and fixed; 16 to 64 are usual.

    Shapes: features (B, d) -> logits (B, n), within [-scale, scale].

    Raises:
        ValueError: on a size or a scale that is not above 0.

    Example:
        >>> head = CosineHead(in_features=8, num_classes=3, scale=16.0)
        >>> head(torch.randn(2, 8)).abs().max() <= 16.0
        tensor(True)
    """

    def __init__(self, in_features: int, num_classes: int, scale: float = 16.0) -> None:
        super().__init__()
        for name, value in (("in_features", in_features), ("num_classes", num_classes), ("scale", scale)):
            check_positive(value, name)
        self.weight = nn.Parameter(torch.randn(num_classes, in_features))
        self.scale = scale

    def forward(self, features: Tensor) -> Tensor:
        check_shape(features, f"B {self.weight.shape[1]}", "features")
        return self.scale * unit_rows(features) @ unit_rows(self.weight).T
