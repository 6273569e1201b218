"""Make the pictures in a folder small, put them into docs/screenshots in place of the old, and write the index."""

import sys
from pathlib import Path

from PIL import Image

TARGET = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
COLOURS = 64
TALLEST = 4000
INDEX = """# Screenshots

Every page, and most of their states: on a desktop in the light scheme, on a phone in the dark one. `make screenshots`
takes them anew; `make screenshots TO=<folder>` takes both schemes at both sizes.

"""


def shrink(source: Path, target: Path) -> None:
    """Few colours are enough for a page; the end of a very long one is cut off."""
    with Image.open(source) as image:
        cut = image.convert("RGB").crop((0, 0, image.width, min(image.height, TALLEST)))
    cut.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(target, optimize=True)


def index(names: list[str]) -> str:
    """One heading a page, its two pictures below."""
    parts = [
        f"## {name}\n\n![{name}, desktop]({name}-1280-light.png)\n\n![{name}, phone]({name}-390-dark.png)\n"
        for name in names
    ]
    return INDEX + "\n".join(parts)


def main(folder: Path) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for old in TARGET.glob("*.png"):
        old.unlink()
    for picture in sorted(folder.glob("*.png")):
        shrink(picture, TARGET / picture.name)
    names = sorted({picture.name.removesuffix("-1280-light.png") for picture in TARGET.glob("*-1280-light.png")})
    (TARGET / "README.md").write_text(index(names))
    kilobytes = sum(picture.stat().st_size for picture in TARGET.glob("*.png")) // 1000
    print(f"{len(names)} pages, {kilobytes} kB in {TARGET}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
