"""What a recurrent network on features is trained with; defaults follow the released tool, except where said."""

from dataclasses import dataclass

from fgr.checks import check_choice, check_positive

TASKS = ("regression", "classification")


@dataclass(frozen=True)
class SequenceSettings:
    """Settings of one training run.

    Raises:
        ValueError: on a value out of its range; names it.

    Example:
        >>> SequenceSettings(window=10, pad=True).lr
        0.01
    """

    task: str = "regression"  # mean squared error; or "classification", cross-entropy
    window: int = 16  # frames that the network sees; 16 for pain, 10 for CK+ (the tool's default is 5)
    pad: bool = False  # give the first frames of a video a window too, by repeating its first frame
    hidden: int = 200  # units of a layer
    layers: int = 1
    dropout: float = 0.0  # after every layer; the tool's default is 0.5, its training script's 0
    batch_norm: bool = False  # recurrent batch normalisation; the tool had it, the thesis's equations have not
    standardize: bool = True  # features, and the labels of a regression, by training statistics
    epochs: int = 100  # at most
    patience: int = 10  # epochs without a better validation loss before stopping; 0 never stops
    batch_size: int = 32
    lr: float = 0.01  # of Adam
    clip: float = 5.0  # longest gradient
    shuffle: bool = True  # the tool takes windows in the order of the file
    balance: bool = False  # only as many training windows without pain (a label of 1 or more) as with; section 2.2
    class_weights: bool = False  # weigh classes by 1 - their share, in classification
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice(self.task, TASKS, "task")
        for name in ("window", "hidden", "layers", "epochs", "batch_size", "lr", "clip"):
            check_positive(getattr(self, name), name)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")
        for name in ("patience", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.class_weights and self.task != "classification":
            raise ValueError("class_weights is for task='classification'")
