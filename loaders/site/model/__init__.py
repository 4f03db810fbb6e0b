"""The data model for readers: entity diagrams, lineage of columns, the dictionary, and dbt's docs in less space."""
