"""The site: dashboards, data model and quality of one lake and its warehouse, as pages that open from disk."""
