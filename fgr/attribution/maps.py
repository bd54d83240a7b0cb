"""Attribution maps by captum: saliency (Eq. 2.10, 2.11), Grad-CAM and integrated gradients, one map an image."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.checks import check_choice, check_shape
from fgr.modes import evaluating

with warnings.catch_warnings():  # captum's progress bars miss a widget that they would not draw here
    warnings.filterwarnings("ignore", message="IProgress not found")
    from captum.attr import IntegratedGradients, LayerGradCam, Saliency

METHODS = ("saliency", "grad_cam", "integrated_gradients")
STEPS = 32  # of the path of integrated gradients


def attribute(
    method: str,
    model: nn.Module,
    images: Tensor,
    targets: Tensor | None = None,
    layer: nn.Module | None = None,
    scores: Callable[[object], Tensor] = lambda output: output,
) -> Tensor:
    """Return how much each pixel of each image speaks for a class.

    Args:
        method: "saliency", the largest absolute gradient over the channels (Simonyan et al., 2014; Eq. 2.10 and
            2.11 of the thesis); "grad_cam", positive evidence in the feature map of `layer` (Selvaraju et al.,
            ICCV 2017), resized to the image (bilinear, without a second ReLU); "integrated_gradients" from a black
            image (Sundararajan et al., ICML 2017), absolute values summed over the channels.
        model: any network; it is used in evaluation mode, and every layer left in the mode it was in, its gradients
            untouched.
        images: (B, C, H, W) as the model takes them.
        targets: (B,) the class whose score is explained; None for a model with one output a sample.
        layer: for "grad_cam", a module of `model` that returns a feature map.
        scores: what of the model's output holds the scores (B, L), e.g. `lambda out: out.log_scores`.

    Returns:
        (B, H, W) float, 0 or above; only values of the same map may be compared.

    Raises:
        ValueError: if the method is unknown, or "grad_cam" has no layer.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
        >>> model[1].weight.data = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, -3.0, 1.0, 0.0]])
        >>> attribute("saliency", model, torch.zeros(1, 1, 2, 2), torch.tensor([1]))
        tensor([[[0., 3.],
                 [1., 0.]]])
    """
    check_choice(method, METHODS, "method")
    check_shape(images, "B C H W", "images")
    if (layer is None) == (method == "grad_cam"):
        raise ValueError(f"a layer is needed by grad_cam and by it alone; got method {method!r} and layer {layer!r}")

    def forward(batch: Tensor) -> Tensor:
        return scores(model(batch))

    images = images.detach().requires_grad_()
    with evaluating(model), torch.enable_grad():
        if method == "saliency":
            found = Saliency(forward).attribute(images, target=targets).amax(1)  # (B, H, W)
        elif method == "integrated_gradients":
            path = IntegratedGradients(forward)
            found = path.attribute(images, target=targets, n_steps=STEPS, internal_batch_size=len(images))
            found = found.abs().sum(1)  # (B, H, W)
        else:
            cam = LayerGradCam(forward, layer).attribute(images, target=targets, relu_attributions=True)
            if cam.ndim != 4:
                raise ValueError(f"the layer of grad_cam must return a feature map, got shape {tuple(cam.shape)}")
            found = F.interpolate(cam, images.shape[2:], mode="bilinear", align_corners=False)[:, 0]  # (B, H, W)
    return found.detach()
