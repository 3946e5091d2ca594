"""The shards of a step's batch: each propagated by itself, in this process or in another."""
