"""Raw objects to staged Parquet: read, check, quarantine, publish."""
