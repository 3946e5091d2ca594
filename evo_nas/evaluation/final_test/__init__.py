"""The delivered network, measured when all is decided: the test split, class by class."""
