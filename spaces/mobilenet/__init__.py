"""Mobile networks: inverted residuals whose kernel, expansion and depth are chosen."""
