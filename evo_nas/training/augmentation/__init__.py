"""Training images changed batch by batch, as DeiT does: crops, RandAugment, mixup and others."""
