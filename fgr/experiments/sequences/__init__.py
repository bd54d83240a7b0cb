"""A recurrent network on the features of video frames: trained, resumed, tested and applied (chapter 2)."""

from fgr.experiments.sequences.fit import fit
from fgr.experiments.sequences.model import Predictions, SequenceModel, load_model
from fgr.experiments.sequences.scores import scores, write_predictions
from fgr.experiments.sequences.settings import SequenceSettings

__all__ = ["Predictions", "SequenceModel", "SequenceSettings", "fit", "load_model", "scores", "write_predictions"]
