"""The phone's one state: files, properties, settings, packages, activities, display."""
