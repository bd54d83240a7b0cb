"""Chapter 5: what is run to answer its questions. Wiring only; the method is `fgr.orthoreg`."""
