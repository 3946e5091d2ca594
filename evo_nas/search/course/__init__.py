"""The course of a search: its start, its end, how it is made longer, and who hears of it."""
