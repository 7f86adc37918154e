"""Lines of text in screens and pages, read on a processor with RapidOCR."""
