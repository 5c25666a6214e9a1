"""The languages that types of bodies are printed in."""

from enum import StrEnum


class TypesLanguage(StrEnum):
    """A language of receivers. The value is GraphQL's."""

    TYPESCRIPT = "TYPESCRIPT"
    PYTHON = "PYTHON"
