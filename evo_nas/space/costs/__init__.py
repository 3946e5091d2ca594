"""What networks cost: fvcore's counts, kept on disk, and spaces that are counted whole."""
