"""Features of an entity in time: stored, and joined as they were."""
