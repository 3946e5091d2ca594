"""What commands show: views in a terminal, and documents, plain objects, as ``--json`` prints."""
