"""Chapter 3: age and gender from a small view of a face and a few patches of the large one."""
