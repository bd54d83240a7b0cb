"""fgr: robust neural models for fine-grained image recognition, the library of a reproducible thesis.

Each method is one importable module: tensors in, tensors out. See `fgr.orthoreg` for decorrelated weights,
`fgr.training` for the loop, `fgr.data` for verified data sets and `fgr.results` for rows that trace every number.
"""

__version__ = "0.1.0"
