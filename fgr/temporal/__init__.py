"""Sequences of frames: windows that end in the frame to judge, and recurrent networks over them (chapter 2)."""

from fgr.temporal.cell import LSTMState, lstm_step
from fgr.temporal.networks import LSTMClassifier, LSTMRegressor
from fgr.temporal.recurrent_batch_norm import BatchNormLSTM, StepBatchNorm
from fgr.temporal.standardization import Standardization, fit_standardization
from fgr.temporal.windows import sequence_windows, windows

__all__ = [
    "BatchNormLSTM",
    "LSTMClassifier",
    "LSTMRegressor",
    "LSTMState",
    "Standardization",
    "StepBatchNorm",
    "fit_standardization",
    "lstm_step",
    "sequence_windows",
    "windows",
]
