#!/usr/bin/env bash
# What shared weights are worth, and what a search finds beside the usual networks: one command, about
# eight minutes on one GPU. An estimate is printed first; DRY=1 stops there.
#
#     runs/recipes/gpu_study.sh PICTURES [FOLDER]
#
# PICTURES are CIFAR-10 or others of 32 pixels: 65 tokens, 96 wide. A pool of 24 networks within a band of
# FLOPs, and the usual ones beside them, is trained twice; separate and entangled weights, paths drawn from
# the budget, the sandwich rule and an additive model are judged by it. Then hierarchical search, SPOS and
# random networks are compared at equal cost with DeiT's shape, the largest network, and one trained for as
# long as a search. When it is stopped, the same command goes on with it.
set -euo pipefail
data=$1 folder=${2:-runs/gpu-study}
width=${WIDTH:-96} batch=${BATCH:-1024} minutes=${MINUTES:-8} seeds=${SEEDS:-3} samples=${SAMPLES:-300}
shared=(--data "$data" --geometry "proxy,width=$width" --device "${DEVICE:-auto}")

if [ ! -e "$folder/study.toml" ]; then
    python -m benchmarks.study "$folder" --data "$data" --device "${DEVICE:-auto}" --width "$width" \
        --batch "$batch" --minutes "$minutes" --seeds "$seeds" --samples "$samples"
fi
[ -z "${DRY:-}" ] || exit 0

# The uniform distributions of Table 1, at their own FLOPs: G, d_k, d_z, E and K of twelve blocks.
include=(--include deit_tiny)
for block in "0, 0, 1, 0, 1" "1, 1, 1, 0, 1" "2, 1, 1, 0, 1"; do
    file=$folder/uniform_${block%%,*}.json
    printf '{"space": "glit_hl", "genome": [%s%s]}\n' "$block" "$(printf ", $block%.0s" {1..11})" > "$file"
    include+=(--include "$file")
done

judge() {  # by one recipe, any number of scores
    local recipe=$1
    shift
    evo-nas trust --pool "$folder/pool" --space glit_hl --flops 0.8G..0.9G --genomes 24 --seeds 2 \
        "${include[@]}" "${shared[@]}" --recipe "$folder/$recipe.toml" "$@"
}
judge study --score 'supernet?sharing=separate' --score 'supernet?sharing=entangled' \
    --score 'additive?base=supernet' --score 'zero_cost?scores=jacov,snip,zen,layers&reference=2'
judge budget --score supernet
judge sandwich --score supernet

if [ -e "$folder/comparison" ]; then
    evo-nas resume "$folder/comparison"
else
    evo-nas compare --space glit_hl --flops 0.8G..0.9G --strategies hierarchical,spos,random --protocol equal \
        --reference deit_tiny,largest,long --samples "$samples" --seeds "$seeds" "${shared[@]}" \
        --recipe "$folder/study.toml" --run-dir "$folder/comparison"
fi
