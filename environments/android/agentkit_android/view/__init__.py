"""`agentkit phone view`: a phone in the browser."""
