"""GLiT: global and local heads in vision transformers (Chen et al., ICCV 2021)."""
