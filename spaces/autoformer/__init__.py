"""AutoFormer: vision transformers of chosen width, depth, heads and MLP ratios."""
