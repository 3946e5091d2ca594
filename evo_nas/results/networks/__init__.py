"""Networks to take away: trained, loaded, exported, described."""
