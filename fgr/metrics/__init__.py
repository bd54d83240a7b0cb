"""How good predictions are: of a real number, of yes or no under imbalance, and of ordered classes."""

from fgr.metrics.binary import SubjectCounts, accuracy, auc, skew_normalized, subject_counts, undersample
from fgr.metrics.continuous import icc, mean_absolute_error, mean_squared_error, pearson
from fgr.metrics.ordinal import merge_pain_levels, one_off_accuracy

__all__ = [
    "SubjectCounts",
    "accuracy",
    "auc",
    "icc",
    "mean_absolute_error",
    "mean_squared_error",
    "merge_pain_levels",
    "one_off_accuracy",
    "pearson",
    "skew_normalized",
    "subject_counts",
    "undersample",
]
