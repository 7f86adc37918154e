"""DeepEncoder: documents and screens as few vision tokens (DeepSeek-OCR, arXiv 2510.18234)."""
