"""Figures: one function a figure, which returns it and neither saves nor seeds anything."""
