"""Attribute-given codes: a class's word is what is known about it, such as the 312 attributes of a bird species."""

from torch import Tensor

from fgr.checks import check_choice, check_shape
from fgr.output_codes.thresholds import THRESHOLDS, binarize
from fgr.output_codes.validation import check_sizes


def from_attributes(attributes: Tensor, threshold: str = "none") -> Tensor:
    """Return one bit an attribute: its value, standardised over the classes, raw or thresholded.

    Attributes with the same value in all classes are left out: they tell nothing apart.

    Args:
        attributes: (n, A) value of each attribute in each class, binary or graded.
        threshold: "none", "zero" (above the attribute's mean) or "median" of the word (`binarize`).

    Returns:
        (n, k), k the attributes that vary.

    Raises:
        ValueError: on values that are not finite, or if no attribute varies.

    Example:
        >>> import torch
        >>> wings_and_stripes = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
        >>> from_attributes(wings_and_stripes, threshold="zero")  # the third is the same in all
        tensor([[ 1., -1.],
                [ 1.,  1.],
                [-1.,  1.]])
    """
    check_choice(threshold, THRESHOLDS, "threshold")
    check_shape(attributes, "n attributes", "attributes")
    check_sizes(*attributes.shape)
    if not attributes.isfinite().all():
        row, column = (~attributes.isfinite()).nonzero()[0].tolist()
        raise ValueError(f"attributes[{row}, {column}] is {attributes[row, column].item()}; give every class a value")
    values = attributes if attributes.is_floating_point() else attributes.float()
    values = values[:, (values != values[:1]).any(0)]
    if not values.shape[1]:
        raise ValueError(f"none of the {attributes.shape[1]} attributes varies between the classes")
    centred = values - values.mean(0)
    return binarize(centred / centred.square().mean(0).sqrt(), threshold)
