"""Lines of text in more than a hundred languages, read with Tesseract."""
