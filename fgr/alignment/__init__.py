"""Faces brought into one frame: Procrustes analysis, aligned crops, piecewise-affine warps, contrast (chapter 2)."""

from fgr.alignment.augmentation import deform_landmarks, flip_landmarks, random_flip
from fgr.alignment.crop import aligned_crop
from fgr.alignment.generalized import GeneralizedProcrustes, fit_to_canvas, generalized_procrustes
from fgr.alignment.intensity import global_contrast_normalize, per_pixel_mean
from fgr.alignment.landmarks import COARSE_66, FLIP_66, check_landmarks
from fgr.alignment.mesh import Mesh, triangulate
from fgr.alignment.piecewise_affine import PiecewiseAffine, piecewise_affine
from fgr.alignment.printed import printed_angle, printed_size
from fgr.alignment.procrustes import Procrustes, procrustes, rotation_angle, shape_size
from fgr.alignment.similarity import Similarity, estimate_similarity, rotation_matrix

__all__ = [
    "COARSE_66",
    "FLIP_66",
    "GeneralizedProcrustes",
    "Mesh",
    "PiecewiseAffine",
    "Procrustes",
    "Similarity",
    "aligned_crop",
    "check_landmarks",
    "deform_landmarks",
    "estimate_similarity",
    "fit_to_canvas",
    "flip_landmarks",
    "generalized_procrustes",
    "global_contrast_normalize",
    "per_pixel_mean",
    "piecewise_affine",
    "printed_angle",
    "printed_size",
    "procrustes",
    "random_flip",
    "rotation_angle",
    "rotation_matrix",
    "shape_size",
    "triangulate",
]
