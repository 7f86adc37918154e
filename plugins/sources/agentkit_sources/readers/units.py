"""Units of code, whole: functions, methods, classes. By tree-sitter; Python by its own parser."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Extension to (package, function of it that gives the grammar).
_GRAMMARS = {
    **dict.fromkeys(("js", "mjs", "cjs", "jsx"), ("tree_sitter_javascript", "language")),
    "ts": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "java": ("tree_sitter_java", "language"),
    "go": ("tree_sitter_go", "language"),
    "rs": ("tree_sitter_rust", "language"),
    **dict.fromkeys(("c", "h"), ("tree_sitter_c", "language")),
}
# Node types that define something with a name, in all these grammars, and how they are called.
_DEFINE = {
    "function_declaration": "function",
    "generator_function_declaration": "function",
    "function_definition": "function",
    "function_item": "function",
    "method_definition": "method",
    "method_declaration": "method",
    "constructor_declaration": "constructor",
    "class_declaration": "class",
    "abstract_class_declaration": "class",
    "interface_declaration": "interface",
    "enum_declaration": "enum",
    "type_alias_declaration": "type",
    "record_declaration": "record",
    "struct_item": "struct",
    "enum_item": "enum",
    "trait_item": "trait",
    "impl_item": "impl",
    "mod_item": "module",
    "type_spec": "type",
    "struct_specifier": "struct",
}
_INNER = ("class", "interface", "impl", "trait", "module", "record", "enum")
_LARGEST = 2_000_000  # bytes of a file that is parsed


@dataclass(frozen=True, slots=True)
class Unit:
    """A definition. first, last: lines from 1, both in it. path: what it stands in, then itself,
    as "class Shop", "method add". container: whether units stand inside it."""

    path: tuple[str, ...]
    first: int
    last: int
    container: bool


def units(path: str, text: str) -> list[Unit] | None:
    """The definitions of a file in the order of their beginnings; None where its language is not
    known, its grammar is not installed, or it cannot be parsed."""
    extension = path.rpartition(".")[2].lower()
    if len(text.encode("utf-8", "replace")) > _LARGEST:
        return None
    if extension in ("py", "pyi"):
        return _python(text)
    parser = _parser(extension)
    if parser is None:
        return None
    data = text.encode("utf-8", "replace")
    return list(_walk(parser.parse(data).root_node, (), data))


def _python(text: str) -> list[Unit] | None:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return list(_python_units(tree, ()))


def _python_units(node: Any, path: tuple[str, ...]) -> Iterator[Unit]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            container = isinstance(child, ast.ClassDef)
            kind = "class" if container else "method" if path else "function"
            own = (*path, f"{kind} {child.name}")
            first = min([child.lineno, *(d.lineno for d in child.decorator_list)])
            yield Unit(own, first, child.end_lineno or child.lineno, container)
            if container:
                yield from _python_units(child, own)
        elif isinstance(child, ast.If | ast.Try | ast.With):
            yield from _python_units(child, path)


@lru_cache(maxsize=32)
def _parser(extension: str) -> Any:
    if extension not in _GRAMMARS:
        return None
    package, function = _GRAMMARS[extension]
    try:
        tree_sitter = importlib.import_module("tree_sitter")
        grammar = importlib.import_module(package)
    except ImportError:
        return None
    return tree_sitter.Parser(tree_sitter.Language(getattr(grammar, function)()))


def _walk(root: Any, path: tuple[str, ...], data: bytes) -> Iterator[Unit]:
    """Without recursion: code nests deeper than Python's stack."""
    stack = [(root, path)]
    while stack:
        node, above = stack.pop()
        kind = _DEFINE.get(node.type)
        name = _name(node, data) if kind else ""
        if kind and name:
            above = (*above, f"{kind} {name}")
            container = kind in _INNER
            yield Unit(above, node.start_point[0] + 1, node.end_point[0] + 1, container)
            if not container:
                continue  # what is defined inside a function belongs to it
        stack.extend((child, above) for child in reversed(node.named_children))


def _name(node: Any, data: bytes) -> str:
    """The identifier of a definition; of C's, inside its declarators."""
    field = "type" if node.type == "impl_item" else "name"
    found = node.child_by_field_name(field)
    if found is None:
        found = node.child_by_field_name("declarator")
        while found is not None and (inner := found.child_by_field_name("declarator")):
            found = inner
    if found is None:
        return ""
    return data[found.start_byte : found.end_byte].decode("utf-8", "replace")[:200]
