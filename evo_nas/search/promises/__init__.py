"""What a run promises, checked before it begins and when it delivers: costs, code."""
