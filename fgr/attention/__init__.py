"""Attend and rectify, chapter 4: attention modules on any network, whose hypotheses correct its own."""

from fgr.attention.augment import AttendAndRectify, augment
from fgr.attention.gates import GlobalGates, combine
from fgr.attention.groups import parameter_groups
from fgr.attention.loss import attention_loss, mask_penalty
from fgr.attention.masked_features import MaskedFeatures, MaskedRectifier
from fgr.attention.module import AttentionModule, Hypothesis, attend, attend_first
from fgr.attention.rectifier import AttentionOutput, Observed, Rectifier
from fgr.attention.taps import run_with_taps

__all__ = [
    "AttendAndRectify",
    "AttentionModule",
    "AttentionOutput",
    "GlobalGates",
    "Hypothesis",
    "MaskedFeatures",
    "MaskedRectifier",
    "Observed",
    "Rectifier",
    "attend",
    "attend_first",
    "attention_loss",
    "augment",
    "combine",
    "mask_penalty",
    "parameter_groups",
    "run_with_taps",
]
