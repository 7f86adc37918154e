"""Search services that the user has, as sources."""
