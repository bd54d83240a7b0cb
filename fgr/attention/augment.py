"""Give any network attention: modules on some of its layers, whose hypotheses correct its own (thesis Fig. 4.1)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fgr.attention.masked_features import MaskedRectifier
from fgr.attention.rectifier import AttentionOutput, Observed, Rectifier
from fgr.attention.taps import Seen, check_layer, run_with_taps, to_grid
from fgr.modes import evaluating


class AttendAndRectify(nn.Module):
    """A network and the attention on its layers; `augment` finds the sizes and builds one.

    `model(images)` is `model.rectifier(model.observe(images))`. To train the attention alone, compute what `observe`
    returns once for all images and keep it.

    Args:
        base: any network from images to (B, L) logits. It is held, not copied or changed.
        rectifier: the attention.
        taps: name of the layer that each module reads.
        classifier: name of the layer whose input is the last features, which the global gates read.
        token_grid: (H, W) of the tokens if those of a transformer are no square.

    Shapes: images (B, ...) -> `AttentionOutput`.

    Raises:
        ValueError: if a tap is no feature map of the batch, or the network's output not (B, L).

    Example:
        >>> base = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 6, 5))
        >>> rectifier = Rectifier(channels=[4], in_features=144, num_classes=5, heads=2)
        >>> model = AttendAndRectify(base, rectifier, taps=["0"], classifier="2")
        >>> log_scores, masks, gates = model(torch.zeros(3, 1, 8, 8))
        >>> log_scores.shape, masks[0].shape, gates.shape
        (torch.Size([3, 5]), torch.Size([3, 2, 6, 6]), torch.Size([3, 2]))
    """

    def __init__(
        self,
        base: nn.Module,
        rectifier: Rectifier | MaskedRectifier,
        taps: Sequence[str],
        classifier: str,
        token_grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.base, self.rectifier = base, rectifier
        self.taps, self.classifier, self.token_grid = tuple(taps), classifier, token_grid

    def forward(self, images: Tensor) -> AttentionOutput:
        return self.rectifier(self.observe(images))

    def observe(self, images: Tensor) -> Observed:
        """Run the base network and return what the attention reads of it."""
        logits, seen = run_with_taps(self.base, [*self.taps, self.classifier], images)
        return _observed(logits, seen, self.taps, self.classifier, self.rectifier.num_classes, self.token_grid)


def augment(
    model: nn.Module,
    taps: Sequence[str],
    num_classes: int,
    heads: int = 4,
    classifier: str | None = None,
    input_shape: tuple[int, ...] = (3, 224, 224),
    token_grid: tuple[int, int] | None = None,
    **options: Any,
) -> AttendAndRectify:
    """Give a network attention on the layers named, without changing it.

    The sizes are found by running the network once, in evaluation mode, on two images of zeros. What a layer puts out
    is read as it is, as in the thesis's fine-tuned networks; name a layer behind a normalisation and a rectifier, as
    in WARN, or give tap_norm=True.

    Args:
        model: any network from images to (B, L) logits. It is kept, not copied: both share their weights.
        taps: names of layers as in `model.named_modules()`, which put out maps (B, C, H, W) or tokens (B, T, C), with
            channels second in maps. The thesis attends after each stage, the last one first.
        num_classes: L of the network.
        heads: K of each module.
        classifier: layer whose input the global gates read; by default the Linear layer that runs last.
        input_shape: of one image, a size that the network takes.
        token_grid: (H, W) of the tokens if those of a transformer are no square.
        options: further arguments of `Rectifier`.

    Returns:
        A network from images to (log_scores, masks, gates), on the device and in the precision of `model`.

    Raises:
        ValueError: on a layer that does not exist (names those that do, the closest first), lies inside TorchScript, is
            no feature map, or is overwritten in place by a later layer; on a network that puts out something else than
            (B, num_classes) or does not run on images of `input_shape`.

    Example:
        >>> features = [nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU()]
        >>> network = nn.Sequential(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
        >>> model = augment(network, taps=["3", "1"], num_classes=10, heads=2, input_shape=(3, 32, 32))
        >>> [tuple(mask.shape) for mask in model(torch.rand(4, 3, 32, 32)).masks]
        [(4, 2, 13, 13), (4, 2, 15, 15)]
    """
    if isinstance(taps, str) or not taps or len(set(taps)) < len(taps):
        raise ValueError(f"taps must be a list of different layer names, got {taps!r}")
    for name in [*taps, *([classifier] if classifier else [])]:
        check_layer(model, name)
    weight = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    images = torch.zeros(2, *input_shape, dtype=weight.dtype, device=weight.device)
    with evaluating(model), torch.inference_mode(False), torch.no_grad():
        try:
            last_linear = _try_out(model, taps, images)
        except RuntimeError as error:  # what torch raises on a wrong size
            raise ValueError(
                f"{type(model).__name__} does not run on images of {tuple(input_shape)}: give their input_shape"
            ) from error
        if classifier is None and last_linear is None:
            raise ValueError(f"{type(model).__name__} runs no Linear layer: name its last layer as classifier=...")
        classifier = classifier or last_linear
        logits, seen = run_with_taps(model, [*taps, classifier], images)
    observed = _observed(logits, seen, taps, classifier, num_classes, token_grid)
    channels = [tap.shape[1] for tap in observed.taps]
    with weight.device:
        rectifier = Rectifier(channels, observed.features.shape[1], num_classes, heads, **options)
    augmented = AttendAndRectify(model, rectifier.to(weight.dtype), taps, classifier, token_grid)
    rectifier.train(model.training)
    augmented.training = model.training  # not train(): layers of the base may be frozen in evaluation mode
    return augmented


def _observed(
    logits: Any,
    seen: Mapping[str, Seen],
    taps: Sequence[str],
    classifier: str,
    num_classes: int,
    token_grid: tuple[int, int] | None,
) -> Observed:
    """Check what a base network puts out and bring it into the shapes that the attention reads."""
    if not isinstance(logits, Tensor):
        raise ValueError(f"the network must put out one tensor (B, {num_classes}), got a {type(logits).__name__}")
    if logits.ndim != 2 or logits.shape[1] != num_classes:
        raise ValueError(
            f"the network puts out {tuple(logits.shape)} for num_classes={num_classes}: replace its classifier first"
        )
    features = seen[classifier].input
    if isinstance(features, Tensor) and features.ndim == 4:  # a convolution as classifier
        features = features.mean((2, 3))  # (B, F)
    if not isinstance(features, Tensor) or features.ndim != 2:
        raise ValueError(f"classifier {classifier!r} must be given one tensor (B, F) or (B, F, H, W)")
    grids = []
    for name in taps:
        grid = to_grid(seen[name].output, name, token_grid)
        if grid.shape[0] != logits.shape[0]:
            raise ValueError(f"layer {name!r} puts out a batch of {grid.shape[0]} for {logits.shape[0]} images")
        grids.append(grid)
    return Observed(logits, features, tuple(grids))


def _try_out(model: nn.Module, taps: Sequence[str], images: Tensor) -> str | None:
    """Return the name of the Linear layer that runs last; raise ValueError if what a tap puts out is overwritten."""
    linear: list[str] = []
    outputs: dict[str, tuple[Any, int]] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, _: Any, output: Any) -> None:
            if isinstance(module, nn.Linear):
                linear.append(name)
            if isinstance(output, Tensor):
                outputs[name] = output, output._version  # the counter goes up with every change in place

        return hook

    layers = dict(model.named_modules(remove_duplicate=False))
    watched = [name for name, layer in layers.items() if name in taps or isinstance(layer, nn.Linear)]
    handles = [layers[name].register_forward_hook(note(name)) for name in watched]
    try:
        model(images)
    finally:
        for handle in handles:
            handle.remove()
    for name in taps:
        output, version = outputs.get(name, (images, images._version))
        if output._version != version:
            raise ValueError(f"layer {name!r} is overwritten in place by a later layer: tap the one that overwrites it")
    return linear[-1] if linear else None
