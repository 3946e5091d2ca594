"""Search by a surrogate: a Gaussian process over genomes."""
