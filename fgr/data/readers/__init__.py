"""One module a data set: its official files, read into an `ImageSet`."""
