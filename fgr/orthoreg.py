"""OrthoReg: decorrelate the filters of a layer by turning similar ones away from each other.

P. Rodríguez, J. Gonzàlez, G. Cucurull, J. M. Gonfaus, X. Roca: Regularizing CNNs with Locally Constrained
Decorrelations, ICLR 2017; thesis chapter 5. Rows of a weight are filters; u_i is row i at unit length, C = U U^T.

    global  sum of cos^2 / 2 over ordered pairs (Eq. 5.2)                  K = C
    local   sum of log(1 + exp(locality (cos - 1))) over pairs (Eq. 5.7)   K = locality * sigmoid(locality (C - 1))

Both step along K U with the diagonal of K at zero (Eq. 5.6, 5.10 with the division before the product). That is the
rule of the released runs: the true gradient of the loss with respect to row i is 2 / ||row i|| times the part of
(K U)_i tangent to row i. What is left, the radial part, only changes lengths, hence `restore_norms`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.checks import check_choice, check_positive

MODES = ("local", "global")
NOISE = 100  # in units of rounding: shorter directions are not normalised up
FILTER_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def _filters(weight: Tensor, groups: int) -> Tensor:
    """View a weight (n, ...) as (groups, n / groups, d), in float32 at least."""
    if weight.ndim < 2:
        raise ValueError(f"weight must have shape (filters, ...), got {tuple(weight.shape)}")
    if weight.shape[0] % groups:
        raise ValueError(f"groups must divide the {weight.shape[0]} filters, got {groups}")
    rows = weight.reshape(groups, weight.shape[0] // groups, -1)
    return rows.float() if rows.dtype in (torch.float16, torch.bfloat16) else rows


def _unit(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows at unit length and their lengths (g, n, 1); a zero row stays zero: it has no direction."""
    norms = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return rows / norms.clamp_min(torch.finfo(rows.dtype).tiny), norms


def _coefficients(unit: Tensor, locality: float, mode: str) -> Tensor:
    """Return K (g, n, n): how strongly each filter is pushed away from each other one, 0 on the diagonal."""
    K = unit @ unit.mT  # (g, n, n), cosines
    if mode == "local":  # the sigmoid form of Eq. 5.8 cannot overflow, e^locality of Eq. 5.10 does at 89
        K = K.sub_(1).mul_(locality).sigmoid_().mul_(locality)
    K.diagonal(dim1=-2, dim2=-1).zero_()
    return K


def orthoreg_direction(weight: Tensor, locality: float = 10.0, mode: str = "local", groups: int = 1) -> Tensor:
    """Return K U, the direction that OrthoReg subtracts from a layer's weight (Eq. 5.6 and 5.10, corrected).

    Args:
        weight: (n, ...) one filter a row; flattened to (n, d).
        locality: lambda > 0 of Eq. 5.7; at 10 filters beyond a right angle hardly interact. Unused in global mode.
        mode: "local" pushes similar filters apart; "global" also pulls opposite ones towards a right angle.
        groups: filters of a grouped convolution are compared only inside their group.

    Returns:
        A tensor like `weight`. Rows of zeros get a zero direction and push nobody.

    Raises:
        ValueError: on an unknown mode, a non-positive locality, a weight of fewer than two dimensions.

    Example:
        >>> two_equal = torch.tensor([[2.0, 0.0], [1.0, 0.0]])
        >>> orthoreg_direction(two_equal, locality=10.0)  # 10 * sigmoid(0) along the other filter
        tensor([[5., 0.],
                [5., 0.]])
        >>> orthoreg_direction(torch.eye(2), mode="global")  # orthogonal filters are at rest
        tensor([[0., 0.],
                [0., 0.]])
    """
    check_choice(mode, MODES, "mode")
    check_positive(locality, "locality")
    unit, norms = _unit(_filters(weight.detach(), groups))
    direction = _coefficients(unit, locality, mode) @ unit  # (g, n, d)
    return direction.mul_(norms > 0).reshape(weight.shape).to(weight.dtype)


def orthoreg_loss(weight: Tensor, locality: float = 10.0, mode: str = "local", groups: int = 1) -> Tensor:
    """Return the differentiable loss of one layer: Eq. 5.2 (global) or Eq. 5.7 (local), summed over ordered pairs.

    Args:
        weight: (n, ...) one filter a row.
        locality, mode, groups: as in `orthoreg_direction`.

    Returns:
        A scalar. A pair's slope at cos = 1 is 1 in global and locality / 2 in local mode, so the strengths of the two
        are not comparable.

    Raises:
        ValueError: as `orthoreg_direction`.

    Example:
        >>> round(orthoreg_loss(torch.tensor([[1.0, 0.0], [3.0, 0.0]]), mode="global").item(), 6)
        1.0
    """
    check_choice(mode, MODES, "mode")
    check_positive(locality, "locality")
    unit, norms = _unit(_filters(weight, groups))
    cosine = unit @ unit.mT
    pair = F.softplus(locality * (cosine - 1)) if mode == "local" else cosine.square() / 2
    real = (norms > 0) & (norms.mT > 0)
    off_diagonal = ~torch.eye(cosine.shape[-1], dtype=torch.bool, device=cosine.device)
    return (pair * (real & off_diagonal)).sum()


@torch.no_grad()
def nearest_angles(weight: Tensor, groups: int = 1) -> Tensor:
    """Return the angle from each filter to its nearest other one: the minimum angle of Fig. 5.2d and 5.3.

    Args:
        weight: (n, ...) one filter a row.
        groups: as in `orthoreg_direction`.

    Returns:
        (n,) radians in [0, pi]; pi / 2 or more means that no other filter is positively correlated. NaN for a filter
        of zeros and for one that has no other filter to compare with.

    Example:
        >>> nearest_angles(torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])).rad2deg()
        tensor([90., 90., 90.])
    """
    unit, norms = _unit(_filters(weight, groups))
    cosine = unit @ unit.mT  # (g, n, n)
    alive = norms > 0
    cosine.masked_fill_(~alive.mT, -torch.inf)
    cosine.diagonal(dim1=-2, dim2=-1).fill_(-torch.inf)
    nearest = cosine.amax(-1)  # (g, n)
    angles = nearest.clamp(-1, 1).acos()
    return angles.masked_fill(~alive.squeeze(-1) | nearest.isinf(), torch.nan).flatten()


class OrthoReg:
    """Turn the filters of a model apart after each optimiser step: W <- W - lr * strength * K U, then restore lengths.

    The step is outside the optimiser, so momentum and weight decay do not see it (as in the released runs; Algorithm 1
    with gamma applied once). To train on the loss instead, add `strength * orthoreg_loss(weight)` to yours.

    Args:
        model: any torch model; its Linear and convolution layers are found once, here.
        strength: gamma. The thesis's logs used 0.1 on CIFAR-10 and 0.01 on CIFAR-100. Negative values attract.
        locality: lambda of the local rule.
        mode: "local" or "global".
        restore_norms: rescale each filter to its length before the step, so that only angles change.
        layers: "all", "conv", or a function (name, module) -> bool that picks among them.
        normalize_gradients: scale each layer's direction (in a grouped convolution that of each group by itself) to
            unit root-mean-square row length (section 5.3.2), so that one strength suits layers of any width.

    Raises:
        ValueError: on a wrong option, if no layer matches, or if a chosen weight is computed instead of stored
            (parametrised, pruned).

    Example:
        >>> model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> orthoreg = OrthoReg(model, strength=0.1)
        >>> loss = model(torch.randn(16, 8)).square().mean()
        >>> loss.backward(); optimizer.step(); orthoreg.step(lr=0.1)
        >>> orthoreg.names
        ['0', '2']
    """

    def __init__(
        self,
        model: nn.Module,
        strength: float = 0.1,
        locality: float = 10.0,
        mode: str = "local",
        restore_norms: bool = True,
        layers: str | Callable[[str, nn.Module], bool] = "all",
        normalize_gradients: bool = False,
    ) -> None:
        check_choice(mode, MODES, "mode")
        check_positive(locality, "locality")
        if not math.isfinite(strength):
            raise ValueError(f"strength must be a finite number, got {strength}")
        self.strength, self.locality, self.mode = strength, locality, mode
        self.restore_norms, self.normalize_gradients = restore_norms, normalize_gradients
        chosen = _choose(model, layers)
        self.names = [name for name, _ in chosen]
        self._layers = [module for _, module in chosen]

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Move every chosen weight once. `lr` is the optimiser's current learning rate."""
        if self.strength == 0:
            return
        for layer in self._layers:
            self._step_layer(layer.weight, getattr(layer, "groups", 1), lr * self.strength)

    def _step_layer(self, weight: nn.Parameter, groups: int, step: float) -> None:
        rows = _filters(weight, groups)
        unit, norms = _unit(rows)
        K = _coefficients(unit, self.locality, self.mode)
        K *= norms > 0  # a filter of zeros has no direction to turn in
        if self.normalize_gradients:
            direction = K @ unit
            rms = direction.square().sum(-1).mean(-1).sqrt()[:, None, None]  # (g, 1, 1)
            # filters at rest have a direction of rounding noise only, which must not be blown up to unit length
            moved = rows - step * direction / rms.clamp_min(NOISE * torch.finfo(rows.dtype).eps)
        else:
            moved = torch.baddbmm(rows, K, unit, alpha=-step)
        if self.restore_norms:
            moved = _unit(moved)[0].mul_(norms)
        weight.copy_(moved.reshape(weight.shape))


def _choose(model: nn.Module, layers: str | Callable[[str, nn.Module], bool]) -> list[tuple[str, nn.Module]]:
    """List (name, layer) to regularise: each trainable weight once, with at least two filters to compare."""
    found = [(name, module) for name, module in model.named_modules() if isinstance(module, FILTER_LAYERS)]
    if callable(layers):
        wanted = [(name, module) for name, module in found if layers(name, module)]
    else:
        check_choice(layers, ("all", "conv"), "layers")
        wanted = [(name, m) for name, m in found if layers == "all" or not isinstance(m, nn.Linear)]
    chosen: dict[int, tuple[str, nn.Module]] = {}
    for name, module in wanted:
        if "weight" not in dict(module.named_parameters(recurse=False)):  # parametrised, pruned, weight-normalised
            raise ValueError(f"layer {name!r} computes its weight instead of storing it; leave it out with `layers=`")
        pairs = module.weight.shape[0] // getattr(module, "groups", 1) > 1
        if module.weight.requires_grad and pairs:
            chosen.setdefault(id(module.weight), (name, module))
    if not chosen:
        raise ValueError(f"layers={layers!r} matches no trainable layer; the model has {[name for name, _ in found]}")
    return list(chosen.values())
