"""Make the pictures in a folder small, put them into docs/screenshots in place of the old, and write the index."""

import sys
from pathlib import Path

from PIL import Image

TARGET = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
COLOURS = 64
TALLEST = 4000
DEVICES = {"1280-light": "desktop", "390-dark": "phone"}
INDEX = """# Screenshots

Every page, and most of their states: on a desktop in the light scheme, on a phone in the dark one. `make screenshots`
takes them anew; `make screenshots TO=<folder>` takes both schemes at both sizes.

"""


def shrink(source: Path, target: Path) -> None:
    """Few colours are enough for a page; the end of a very long one is cut off."""
    with Image.open(source) as image:
        cut = image.convert("RGB").crop((0, 0, image.width, min(image.height, TALLEST)))
    cut.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(target, optimize=True)


def index(folder: Path) -> str:
    """One heading a page, its pictures below."""
    pages: dict[str, list[str]] = {}
    for device, label in DEVICES.items():
        for picture in folder.glob(f"*-{device}.png"):
            name = picture.name.removesuffix(f"-{device}.png")
            pages.setdefault(name, []).append(f"![{name}, {label}]({picture.name})\n")
    return INDEX + "\n".join(f"## {name}\n\n" + "".join(pages[name]) for name in sorted(pages))


def main(folder: Path) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for old in TARGET.glob("*.png"):
        old.unlink()
    for picture in sorted(folder.glob("*.png")):
        shrink(picture, TARGET / picture.name)
    (TARGET / "README.md").write_text(index(TARGET))
    taken = list(TARGET.glob("*.png"))
    print(f"{len(taken)} pictures, {sum(picture.stat().st_size for picture in taken) // 1000} kB in {TARGET}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
