"""WRN-att2: a wide residual network with the attention of Jetley et al., which the thesis compares itself with.

S. Jetley, N. Lord, N. Lee, P. Torr: Learn to Pay Attention, ICLR 2018. Local features of two stages are compared with
one global vector; where they agree they are averaged, and only these averages are classified. The thesis gives neither
layout nor source. The two here reproduce its parameter count (64M) and the cost of one of its two networks each.
"""

import torch
from torch import Tensor, nn

from fgr.attention import run_with_taps
from fgr.checks import check_choice
from fgr.models.warn import TAPS
from fgr.models.wide_resnet import WideResNet

PROJECTIONS = ("global", "local")
COMPATIBILITIES = ("parametrised", "dot")


class Compatibility(nn.Module):
    """Average the features of a map where they agree with a global vector (Jetley et al., section 3.1)::

        c_p = <u, l_p + g> + b, "parametrised", or <l_p, g>, "dot"      a = softmax over positions of c
        result = sum_p a_p l_p

    In the parametrised form b and all that g adds are the same at each position, so the softmax cancels them: masks
    follow the local features alone, and nothing that leads to g is trained. It is kept as published.

    Shapes: local (B, C, H, W), g (B, C) -> (B, C), masks (B, H, W).

    Raises:
        ValueError: on another kind.

    Example:
        >>> import torch
        >>> seen, masks = Compatibility(8)(torch.randn(2, 8, 4, 4), torch.randn(2, 8))
        >>> seen.shape, masks.shape
        (torch.Size([2, 8]), torch.Size([2, 4, 4]))
    """

    def __init__(self, channels: int, kind: str = "parametrised") -> None:
        super().__init__()
        check_choice(kind, COMPATIBILITIES, "kind")
        self.score = nn.Conv2d(channels, 1, 1) if kind == "parametrised" else None

    def forward(self, local: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        if self.score is not None:
            scores = self.score(local + g[:, :, None, None])  # (B, 1, H, W)
        else:
            scores = (local * g[:, :, None, None]).sum(1, keepdim=True)
        masks = scores.flatten(2).softmax(2)  # (B, 1, H W)
        return (local.flatten(2) @ masks.mT).squeeze(2), masks.view_as(scores).squeeze(1)


class WRNAtt2(nn.Module):
    """Classify 32 x 32 images with a wide residual network and the attention of Jetley et al. on its last two stages.

    The global vector comes from two further 3 x 3 convolutions on the last stage, averaged, and a linear layer.

    Args:
        depth, width, num_classes: of the wide residual network.
        projection: how the global vector (64 width) meets the second stage (32 width channels): "global" projects it
            down, which gives the printed cost of WRN-28-10-att2 (5.7), "local" projects the features up, which gives
            that of WRN-40-10-att2 (8.6). Both have the printed 64M parameters.
        compatibility: "parametrised" or "dot", see `Compatibility`. In the first the global branch, 7.8M parameters
            at width 10, changes nothing.
        block_gradients: send no gradient into the wide residual network, which then never learns.
        in_channels: C of the images.

    Shapes: images (B, C, H, W) -> logits (B, L).

    Raises:
        ValueError: on a depth that is not 6 N + 4, or an unknown option.

    Example:
        >>> import torch
        >>> model = WRNAtt2(depth=10, width=1)
        >>> logits, masks = model.look(torch.zeros(2, 3, 32, 32))
        >>> logits.shape, [mask.shape[1] for mask in masks]
        (torch.Size([2, 10]), [8, 16])
    """

    def __init__(
        self,
        depth: int = 40,
        width: int = 10,
        num_classes: int = 10,
        projection: str = "global",
        compatibility: str = "parametrised",
        block_gradients: bool = False,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_choice(projection, PROJECTIONS, "projection")
        self.block_gradients = block_gradients
        self.base = WideResNet(depth, width, num_classes, in_channels=in_channels)
        self.base.classifier = nn.Identity()  # attended vectors are classified instead
        C, c = 64 * width, 32 * width
        self.branch = nn.Sequential(
            *(nn.Conv2d(C, C, 3, padding=1), nn.BatchNorm2d(C), nn.ReLU()),
            *(nn.Conv2d(C, C, 3, padding=1), nn.BatchNorm2d(C), nn.ReLU()),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(C, C),
        )
        self.project_global = nn.Linear(C, c) if projection == "global" else nn.Identity()
        self.project_local = nn.Conv2d(c, C, 1) if projection == "local" else nn.Identity()
        middle = c if projection == "global" else C
        self.attention = nn.ModuleList([Compatibility(C, compatibility), Compatibility(middle, compatibility)])
        self.classifier = nn.Linear(C + middle, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.look(images)[0]

    def look(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return logits (B, L) and the masks of the last stage (B, H / 4, W / 4) and the one before (B, H / 2, W / 2).

        Masks sum to one.
        """
        seen = run_with_taps(self.base, TAPS[:2], images)[1]
        last, middle = (seen[name].output for name in TAPS[:2])
        if self.block_gradients:
            last, middle = last.detach(), middle.detach()
        g = self.branch(last)  # (B, C)
        seen_last, mask_last = self.attention[0](last, g)
        seen_middle, mask_middle = self.attention[1](self.project_local(middle), self.project_global(g))
        return self.classifier(torch.cat([seen_last, seen_middle], 1)), (mask_last, mask_middle)
