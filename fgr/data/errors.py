"""What can go wrong while files are fetched."""


class FetchError(RuntimeError):
    """The files of a set could not be had; the message lists what was tried, why it failed, and what to do."""


class SourceError(Exception):
    """A source did not deliver; the message says why, in one line."""


class Unreachable(SourceError):
    """Nobody answers at an address, so that its other files need not be asked for."""


class Cut(SourceError):
    """The connection broke and would not come back; what had arrived is kept, so that the next fetch continues."""
