"""Chapter 6: output codes in place of one-hot, on generated birds whose attributes are known, and on real images."""
