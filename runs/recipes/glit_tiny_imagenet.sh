#!/usr/bin/env bash
# The paper's search of GLiT-Tiny (section 4.1) at full scale: images and supernet of 224 pixels, SGD for
# 100 epochs a stage, 1000 candidates, five finalists for 300 epochs by DeiT's recipe. Needs the extras
# `data` and `train`, a GPU and days; it has not been run here. The folder given holds ImageNet's train/ and
# val/, with a folder for each class; 50,000 training images become the validation split. Pictures stay on
# disk: give the machine as many cores as its GPU needs.
set -euo pipefail
evo-nas run --space glit_hl --flops 1.4G --geometry target \
    --data "$1?image_size=224&crop_share=0.875&validation=50000&mean=0.485,0.456,0.406&std=0.229,0.224,0.225" \
    --recipe paper --device cuda --run-dir runs/glit_tiny_imagenet
