"""Where the dbt project is: the folder that holds this package."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
