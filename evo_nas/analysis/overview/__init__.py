"""All that was made below a folder: what there is, and pages over it that follow what goes on."""
