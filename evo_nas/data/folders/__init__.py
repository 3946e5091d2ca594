"""Pictures of one's own: folders of classes, parquet files."""
