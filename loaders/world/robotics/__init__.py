"""Surgical robotics: robots and surgeons, theatre lists, outcomes, service visits and telemetry."""
