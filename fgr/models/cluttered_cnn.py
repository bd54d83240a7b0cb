"""The small network for 40 x 40 cluttered digits that Fig. 4.4 augments with attention.

The thesis describes it in a sentence, and the released code holds another one; it is unknown which made the figure, so
both are here. With attention of depth AD:

    augment(cluttered_cnn(), TAPS[:AD], num_classes=10, heads=4, input_shape=(1, 40, 40))
"""

from collections import OrderedDict

from torch import nn

from fgr.checks import check_choice

LAYOUTS = ("printed", "released")
TAPS = ("stage5", "stage4", "stage3", "stage2", "stage1")  # the deepest first, as attention is added


def cluttered_cnn(num_classes: int = 10, layout: str = "printed", in_channels: int = 1) -> nn.Sequential:
    """Build a network of five convolutions, stage1 to stage5, and two linear layers.

    Args:
        num_classes: L, how many classes there are.
        layout: "printed", as section 4.4.2 says: 3 x 3 kernels, BatchNorm and pooling after each of the first three
            (the widths, which it leaves out, are the released ones; padding 1). "released": the first kernel is 5 x 5,
            two poolings, BatchNorm after every convolution and its ReLU and on the image.
        in_channels: C of the images.

    Returns:
        A model from (B, C, 40, 40) images in [0, 1] to (B, L) logits.

    Raises:
        ValueError: on another layout.

    Example:
        >>> import torch
        >>> cluttered_cnn()(torch.zeros(2, 1, 40, 40)).shape
        torch.Size([2, 10])
        >>> sum(p.numel() for p in cluttered_cnn(layout="released").parameters())
        916460
    """
    check_choice(layout, LAYOUTS, "layout")
    stages = _printed(in_channels) if layout == "printed" else _released(in_channels)
    features = 3200 if layout == "printed" else 2048
    layers = OrderedDict(
        norm=nn.Identity() if layout == "printed" else nn.BatchNorm2d(in_channels),
        **{f"stage{number}": stage for number, stage in enumerate(stages, start=1)},
        flatten=nn.Flatten(),
        hidden=nn.Sequential(
            nn.Linear(features, 256), nn.ReLU(), nn.Identity() if layout == "printed" else nn.BatchNorm1d(256)
        ),
        classifier=nn.Linear(256, num_classes),
    )
    model = nn.Sequential(layers)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):  # He et al., as the thesis says
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return model


def _printed(c: int) -> list[nn.Sequential]:
    pooled = [
        nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(), nn.MaxPool2d(2)
        )
        for c_in, c_out in ((c, 32), (32, 64), (64, 128))  # 40 -> 20 -> 10 -> 5
    ]
    return pooled + [nn.Sequential(nn.Conv2d(128, 128, 3, padding=1), nn.ReLU()) for _ in range(2)]


def _released(c: int) -> list[nn.Sequential]:
    def stage(c_in: int, c_out: int, kernel: int, padding: int = 0, pool: bool = False) -> nn.Sequential:
        conv = nn.Conv2d(c_in, c_out, kernel, padding=padding, bias=False)
        return nn.Sequential(conv, *([nn.MaxPool2d(2)] if pool else []), nn.ReLU(), nn.BatchNorm2d(c_out))

    return [
        stage(c, 32, 5, pool=True),  # 40 -> 18
        stage(32, 64, 3, pool=True),  # 8
        stage(64, 128, 3),  # 6
        stage(128, 128, 3, padding=1),
        stage(128, 128, 3),  # 4
    ]
