"""Images that were given from Python: arrays, tensors, datasets."""
