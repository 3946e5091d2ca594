"""Model folders on the Hub of Hugging Face: their addresses, cards and uploads; timm's registry."""
