"""Output codes in place of one-hot: code matrices, the decoder behind a network's last layer, its loss (chapter 6)."""

from fgr.output_codes.attributes import from_attributes
from fgr.output_codes.contrastive import supervised_contrastive
from fgr.output_codes.cosine import CosineHead
from fgr.output_codes.cuts import normalized_cut
from fgr.output_codes.decoder import Prediction, decode, predict
from fgr.output_codes.dense import Separation, dense_random, separation
from fgr.output_codes.equations import decoder_jacobian, loss_gradient, normalized_laplacian, unit_jacobian
from fgr.output_codes.head import CodeHead, CodeLoss, LearnedCodes
from fgr.output_codes.independent import gaussian, one_hot
from fgr.output_codes.laplacian import spectral, spectral_from_graph
from fgr.output_codes.loss import code_loss
from fgr.output_codes.scale import loss_floor, scale_for_loss
from fgr.output_codes.similarity import similarity_from_confusion, similarity_from_features
from fgr.output_codes.sparsity import near_zero_share
from fgr.output_codes.sylvester import hadamard
from fgr.output_codes.taxonomy import from_taxonomy, taxonomy_graph
from fgr.output_codes.thresholds import binarize
from fgr.output_codes.validation import check_codes

__all__ = [
    "CodeHead",
    "CodeLoss",
    "CosineHead",
    "LearnedCodes",
    "Prediction",
    "Separation",
    "binarize",
    "check_codes",
    "code_loss",
    "decode",
    "decoder_jacobian",
    "dense_random",
    "from_attributes",
    "from_taxonomy",
    "gaussian",
    "hadamard",
    "loss_floor",
    "loss_gradient",
    "near_zero_share",
    "normalized_cut",
    "normalized_laplacian",
    "one_hot",
    "predict",
    "scale_for_loss",
    "separation",
    "similarity_from_confusion",
    "similarity_from_features",
    "spectral",
    "spectral_from_graph",
    "supervised_contrastive",
    "taxonomy_graph",
    "unit_jacobian",
]
