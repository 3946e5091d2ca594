#!/usr/bin/env bash
# The three searches of the paper's Table 5 on the embedded digits, at the same budget and seed:
# hierarchical, SPOS (one flat supernet, trained as long as both levels' together), and random search.
# Minutes each on two CPU cores. Compare: evo-nas list runs; evo-nas show RUN.
set -euo pipefail
for strategy in hierarchical spos random; do
    evo-nas run --space glit_hl --flops 1.4G --strategy "$strategy" --seed "${1:-0}" \
        --run-dir "runs/digits-$strategy-seed${1:-0}"
done
