#!/usr/bin/env bash
# Tables 1, 4 and 6 of the paper at laptop scale: the same searches, on the embedded digits, at the proxy
# geometry. Digits hardly tell trained networks apart (docs/results.md), so the orders that come out say
# nothing about the paper's; that all of it runs is what this shows. With other flags, such as
# --data IMAGENET --geometry target --recipe paper, it is the experiment itself.
set -euo pipefail
flags=(--flops 1.4G --samples 300 --run-dir)

# Table 1: the four fixed distributions, each trained from scratch.
evo-nas run --space glit_fixed --strategy random --finalists 4 "${flags[@]}" runs/table1 "$@"

# Table 4: no search (DeiT-Tiny is the row G = 3 of Table 1), only the distribution, the space of NLP-NAS, all.
evo-nas run --space glit_hl --strategy distribution "${flags[@]}" runs/table4-distribution "$@"
evo-nas run --space nlp_nas --strategy hierarchical "${flags[@]}" runs/table4-nlp_nas "$@"
evo-nas run --space glit_hl --strategy hierarchical "${flags[@]}" runs/table4-glit_hl "$@"

# Table 6: other kinds of local heads. Its last row is the last run of Table 4.
evo-nas run --space glit_local_attention "${flags[@]}" runs/table6-local_attention "$@"
evo-nas run --space glit_conv2d "${flags[@]}" runs/table6-conv2d "$@"
