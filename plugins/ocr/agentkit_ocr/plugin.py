"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.perception(
        "readers",
        "agentkit_ocr.readers:Readers",
        settings="agentkit_ocr.readers:Settings",
        needs={"readers": "perception"},
        summary="one reader, and another for the lines that it is not sure of",
    )
    registry.default_part("perception", "readers", use="readers")
    registry.command(
        "ocr",
        "agentkit_ocr.command:ocr",
        summary="read pictures and PDFs into Markdown, HTML, JSON, text, or a searchable PDF",
    )
    registry.command(
        "ocr-find",
        "agentkit_ocr.command:find",
        summary="where a text stands in a picture: the point to tap",
    )
    for name, target, summary in (
        ("ocr-pages", "ocr_pages:OCR_PAGES", "damaged pages: text, order, headings, tables"),
        ("ocr-languages", "languages:OCR_LANGUAGES", "which languages are read"),
        ("ocr-speed", "speed:OCR_SPEED", "pages a minute"),
        ("ocr-figures", "figures:OCR_FIGURES", "charts, molecules and plane geometry"),
        ("ocr-sets", "sets:OCR_SETS", "OmniDocBench and Fox, from your own files"),
    ):
        registry.experiment(name, f"agentkit_ocr.bench.{target}", summary=summary)
