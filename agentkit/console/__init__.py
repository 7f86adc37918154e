"""The console: where people watch, steer and answer their agents. See API.md."""
