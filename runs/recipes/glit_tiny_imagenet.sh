#!/usr/bin/env bash
# The paper's search of GLiT-Tiny (section 4.1) at full scale: images and supernet of 224 pixels, SGD for
# 100 epochs a stage, 1000 candidates, five finalists for 300 epochs by DeiT's recipe. Needs the extras
# `data` and `train`, a GPU and days; it has not been run here. IMAGENET holds train/ with a folder for each
# class; its validation images belong in test/.
set -euo pipefail
evo-nas run --space glit_hl --flops 1.4G --data "$1?image_size=224" --geometry target \
    --recipe paper --device cuda --run-dir runs/glit_tiny_imagenet
