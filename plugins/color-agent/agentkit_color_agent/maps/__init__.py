"""Maps of a phone's apps: drawn by exploring (`exploring.py`), kept (`map.py`), followed
(`guide.py`)."""
