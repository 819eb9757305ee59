"""Makes the template of the traveller's words and brings the catalogues up to date with it; see scripts/words."""

from __future__ import annotations

import argparse
import ast
import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from hotspotd.console.languages import HEADS, SOURCE_LANGUAGE

ROOT = Path(__file__).resolve().parent.parent
WORDING = ROOT / "hotspotd" / "console" / "wording.py"
FOLDER = ROOT / "hotspotd" / "console" / "words"
TEMPLATE = "traveller.pot"
_MARK = "For translators:"
_UNREVIEWED = "Not reviewed by a native speaker."
_REVIEW = "X-Native-Speaker-Review"
_KEYWORDS = {"say": ((1, "c"), 2), "count": ((1, "c"), 2, 3)}


def template() -> Catalog:
    """The messages of the source, with their comments for translators."""
    made = Catalog()
    with WORDING.open("rb") as source:
        for _, text, comments, key in extract("python", source, _KEYWORDS, (_MARK,), strip_comment_tags=True):
            made.add(text, context=key, auto_comments=comments)
    return made


def updated(code: str, words: Catalog, path: Path) -> Catalog:
    """The catalogue of ``code`` with the messages of ``words``; those whose English has changed are marked fuzzy."""
    if path.exists():
        with path.open("rb") as old:
            made = read_po(old, locale=code, abort_invalid=True)
    else:
        made = Catalog(locale=code, header_comment=f"# {_UNREVIEWED}")
    made.update(words, no_fuzzy_matching=True, update_creation_date=False)
    made.obsolete.clear()
    return made


def written(catalogue: Catalog, review: str = "none") -> bytes:
    """``catalogue`` as a file. Its header holds nothing that changes with the day, nor anybody's address."""
    target = io.BytesIO()
    write_po(target, catalogue, width=100, no_location=True, omit_header=True, ignore_obsolete=True)
    fields = {"Content-Type": "text/plain; charset=utf-8", "Content-Transfer-Encoding": "8bit"}
    if catalogue.locale:
        fields = {"Language": str(catalogue.locale), **fields, "Plural-Forms": catalogue.plural_forms, _REVIEW: review}
    head = [f"# {line}" for line in _comment(catalogue)]
    lines = [*head, 'msgid ""', 'msgstr ""', *(f'"{name}: {value}\\n"' for name, value in fields.items())]
    return "\n".join(lines).encode() + b"\n\n" + target.getvalue()


def _comment(catalogue: Catalog) -> list[str]:
    lines = [line.removeprefix("#").strip() for line in catalogue.header_comment.splitlines()]
    return (
        [line for line in lines if line] if catalogue.locale else ["The traveller's words: template of the catalogues."]
    )


def review_of(path: Path) -> str:
    """Who has reviewed the catalogue at ``path``; ``none`` for nobody."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(f'"{_REVIEW}: '):
                return str(ast.literal_eval(line)).partition(": ")[2].strip()
    return "none"


def main() -> int:
    """Write what has changed; with ``--check``, say what would."""
    parser = argparse.ArgumentParser(description="Make the template and bring the catalogues up to date.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 where something would change")
    check = parser.parse_args().check
    words = template()
    files = {FOLDER / TEMPLATE: written(words)}
    for head in HEADS:
        if head.code != SOURCE_LANGUAGE:
            path = FOLDER / f"{head.code}.po"
            files[path] = written(updated(head.code, words, path), review_of(path))
    changed = [path for path, data in files.items() if not path.exists() or path.read_bytes() != data]
    for path in changed:
        print(f"{'would change' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_bytes(files[path])
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
