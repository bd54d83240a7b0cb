"""Chapter 4: attention on any network, on cluttered digits, CIFAR-10 and birds whose parts are known. Wiring only."""
