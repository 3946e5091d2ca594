"""The course of a search: what it starts from, when it ends, and how it is made longer."""
