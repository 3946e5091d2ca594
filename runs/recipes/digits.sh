#!/usr/bin/env bash
# The comparison of the paper's Table 5 on the embedded digits: hierarchical search, SPOS (one flat
# supernet, trained as long as both levels' together), random networks, and the largest that fits.
# About an hour on two CPU cores. When it is stopped: evo-nas resume runs/digits-comparison
set -euo pipefail
evo-nas compare --space glit_hl --flops 1.4G --strategies hierarchical,spos,random,largest \
    --samples 300 --seeds "${1:-3}" --run-dir runs/digits-comparison
