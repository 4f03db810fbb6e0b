"""Stand-ins that run on this machine, for want of the real services: ClickHouse, Redshift, S3."""
