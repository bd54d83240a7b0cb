"""Generated image sets that carry their truth: every sample is drawn from its seed and index alone."""
