"""Steps of a training, of one path or several, in shards that any process may propagate."""
