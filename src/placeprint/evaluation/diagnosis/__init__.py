"""Why a run failed where it failed, and what would help."""
