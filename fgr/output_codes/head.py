"""Modules: a decoder in place of a network's last softmax, its loss, and codes that are learned."""

import torch
from torch import Tensor, nn

from fgr.checks import check_positive
from fgr.output_codes.decoder import Prediction, best_of, decode, default_scale, outputs_of, scores_of, words_of
from fgr.output_codes.loss import loss_of
from fgr.output_codes.validation import check_codes, check_sizes


class CodeHead(nn.Module):
    """Turn the k outputs of a network into n class logits by its distances from codewords (`decode`).

    Put it behind the last layer, which then has k outputs instead of n, and train with cross-entropy. The codes, their
    offsets and the scale are buffers: saved and moved with the model, never trained.

    Args:
        codes: (n, k) code matrix.
        scale, normalize: as in `decode`.
        allow_duplicates: accept classes with the same codeword, which cannot be told apart.

    Shapes: z (B, k) -> logits (B, n).

    Raises:
        ValueError: on codes that are no code matrix; if two classes have the same word, as they are compared (so also
            if one word is a multiple of the other and codes are normalised).

    Example:
        >>> from fgr.output_codes.independent import gaussian
        >>> codes = gaussian(100, 66, torch.Generator().manual_seed(0))
        >>> model = nn.Sequential(nn.Linear(32, 66), CodeHead(codes, scale=10.0))
        >>> model(torch.randn(4, 32)).shape
        torch.Size([4, 100])
        >>> (model[1](codes).argmax(1) == torch.arange(100)).all()
        tensor(True)
    """

    def __init__(
        self, codes: Tensor, scale: float | None = None, normalize: str = "both", allow_duplicates: bool = False
    ) -> None:
        super().__init__()
        check_codes(codes, allow_duplicates=True)
        words, offsets = words_of(codes.detach().clone(), normalize)
        check_codes(words, allow_duplicates)
        scale = default_scale(codes.shape[1]) if scale is None else scale
        check_positive(scale, "scale")
        self.normalize = normalize
        self.register_buffer("codes", words)  # (n, k), at unit length if codes are normalised
        self.register_buffer("offsets", offsets)  # (n,)
        self.register_buffer("scale", torch.tensor(float(scale), dtype=words.dtype))

    def extra_repr(self) -> str:
        """Return sizes and options for `print(model)`."""
        n, k = self.codes.shape
        return f"num_classes={n}, length={k}, scale={self.scale.item():.4g}, normalize={self.normalize!r}"

    def outputs(self, z: Tensor) -> Tensor:
        """Return U (B, k): what is compared with the codewords."""
        return outputs_of(z, self.codes.shape[1], self.normalize)

    def forward(self, z: Tensor) -> Tensor:
        return scores_of(self.outputs(z), self.codes, self.offsets, self.scale)

    def predict(self, z: Tensor, top: int = 1, chunk: int = 8192) -> Prediction:
        """Return the best classes in bounded memory, as `fgr.output_codes.predict`."""
        return best_of(self.outputs(z), self.codes, self.offsets, self.scale, top, chunk)


class CodeLoss(nn.Module):
    """Cross-entropy of decoded outputs, if wanted in chunks of classes (`code_loss`).

    For a network that ends in its k outputs; `head` decodes them. In training with many classes pass a chunk: memory
    then grows with B (k + chunk) instead of B n.

    Args:
        codes, scale, normalize, allow_duplicates: as in `CodeHead`.
        chunk: classes handled at a time; all by default.

    Shapes: z (B, k), targets (B,) -> scalar.

    Raises:
        ValueError: as `CodeHead`.

    Example:
        >>> from fgr.output_codes.independent import one_hot
        >>> loss = CodeLoss(one_hot(4), scale=5.0, chunk=2)
        >>> z = torch.eye(4)
        >>> loss(z, torch.arange(4)), loss.head.predict(z).classes.flatten()
        (tensor(0.0200), tensor([0, 1, 2, 3]))
    """

    def __init__(
        self,
        codes: Tensor,
        scale: float | None = None,
        normalize: str = "both",
        chunk: int | None = None,
        allow_duplicates: bool = False,
    ) -> None:
        super().__init__()
        if chunk is not None:
            check_positive(chunk, "chunk")
        self.head = CodeHead(codes, scale, normalize, allow_duplicates)
        self.chunk = chunk

    def forward(self, z: Tensor, targets: Tensor) -> Tensor:
        head = self.head
        return loss_of(head.outputs(z), head.codes, head.offsets, targets, head.scale, self.chunk)


class LearnedCodes(nn.Module):
    """The same decoder with codewords that are trained: the learned-embedding baseline.

    Args:
        num_classes: n, how many classes there are.
        length: k, how many outputs the network has.
        scale, normalize: as in `decode`.

    Shapes: z (B, k) -> logits (B, n).

    Example:
        >>> learned = LearnedCodes(num_classes=10, length=4)
        >>> learned(torch.randn(2, 4)).shape, learned.codes.requires_grad
        (torch.Size([2, 10]), True)
    """

    def __init__(self, num_classes: int, length: int, scale: float | None = None, normalize: str = "both") -> None:
        super().__init__()
        check_sizes(num_classes, length)
        self.codes = nn.Parameter(torch.randn(num_classes, length))
        self.scale, self.normalize = scale, normalize
        decode(self.codes[:1].detach(), self.codes.detach(), scale, normalize)  # refuses wrong options now

    def forward(self, z: Tensor) -> Tensor:
        return decode(z, self.codes, self.scale, self.normalize)
