"""Makes the phone's font files: subsets of free fonts, small enough to travel with the package.

    python environments/android/scripts/fonts.py FOLDER

FOLDER holds, unpacked, Debian's fonts-roboto-unhinted, fonts-nanum and fonts-noto-core, and the npm
packages @mdi/font and @fontsource/noto-emoji. Needed again only where a letter or icon is missing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from fontTools.merge import Merger
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

OUT = Path(__file__).parents[1] / "agentkit_android" / "screen" / "fonts"
LATIN = [
    *range(0x20, 0x250), *range(0x2B0, 0x500), *range(0x1E00, 0x2000), *range(0x2000, 0x2070),
    *range(0x2070, 0x20D0), *range(0x2100, 0x2190), *range(0x2200, 0x2300), 0x25CA, 0xFFFD,
]  # fmt: skip
KOREAN = [
    *range(0x1100, 0x1200), *range(0x3000, 0x3100), *range(0x3130, 0x3190), *range(0xFF00, 0xFFF0),
    *range(0x2190, 0x2200), *range(0x2460, 0x2600),
]  # fmt: skip
ARABIC = [*range(0x600, 0x700), *range(0xFB50, 0xFE00), *range(0xFE70, 0xFF00)]
HEBREW = [*range(0x590, 0x600), *range(0xFB1D, 0xFB50)]
THAI = [*range(0xE00, 0xE80)]
EMOJI = [
    *range(0x2190, 0x2200), *range(0x23E9, 0x23FB), *range(0x2600, 0x27C0), *range(0x2B00, 0x2C00),
    *range(0x1F300, 0x1F321), *range(0x1F330, 0x1F394), *range(0x1F3A0, 0x1F3C5),
    *range(0x1F3E0, 0x1F3F1), *range(0x1F400, 0x1F440), *range(0x1F440, 0x1F453),
    *range(0x1F493, 0x1F4F8), *range(0x1F500, 0x1F53E), *range(0x1F5FB, 0x1F650),
    *range(0x1F680, 0x1F6A6), *range(0x1F910, 0x1F930), *range(0x1F970, 0x1F97B),
]  # fmt: skip
ICONS = """
account account-circle account-group account-multiple account-plus airplane airplane-takeoff alarm
alarm-plus album alert alert-circle alpha-a-box android apple-keyboard-shift apps archive
arrow-down arrow-left arrow-right arrow-up arrow-up-circle attachment autorenew backspace bank
battery battery-80 bed bell bell-off bike bluetooth bookmark bookmark-outline brightness-6
brightness-auto bus calculator calendar calendar-check calendar-month calendar-plus call-made
call-missed call-received camera camera-flip car card-account-details cart cash cellphone
chart-bar chart-pie check check-all check-circle checkbox-blank-outline checkbox-marked
chevron-down chevron-left chevron-right chevron-up chip clipboard-text clock clock-outline close
close-circle cloud coffee cog compass content-copy content-cut content-paste content-save
contrast-box cookie crop-rotate crosshairs-gps data-matrix database delete delete-outline dialpad
directions dots-horizontal dots-vertical download earth email email-outline emoticon eye eye-off
file file-document file-image file-music file-outline file-plus filter-variant flag flash
flash-off flashlight folder folder-move folder-open folder-plus food food-apple forum fuel
fullscreen gauge gift google-maps hand-back-right harddisk heart heart-outline help-circle history
home home-variant hospital-building image image-multiple import information information-outline
keyboard keyboard-backspace keyboard-close keyboard-return keyboard-space label lan
language-markdown layers library lightbulb link list-status lock magnify map map-marker
map-marker-plus map-search menu message message-plus message-text microphone minus minus-circle
moon-waning-crescent movie music music-note navigation network-off note note-edit note-plus
note-text notebook numeric open-in-new palette paperclip parking party-popper pause pause-circle
pen pencil phone phone-classic phone-hangup phone-incoming phone-missed phone-outgoing pill pin
pin-outline play play-circle playlist-music playlist-plus plus plus-circle poll power printer
progress-clock radiobox-blank radiobox-marked receipt record record-circle redo refresh repeat
repeat-once reply restart rotate-left rotate-right run school screen-rotation sd send shape share
share-variant shield shopping shuffle signal-cellular-3 silverware-fork-knife sim skip-next
skip-previous sort sort-alphabetical-ascending sort-calendar-descending sort-variant speaker
speedometer star star-outline stop store subtitles sync tag text text-box theme-light-dark
thermometer timer timer-outline timer-sand toggle-switch tools train translate trash-can
tray-arrow-up tree tune undo unfold-more-horizontal upload vibrate video view-dashboard view-grid
view-list volume-high volume-off walk wallet wallpaper weather-night weather-sunny web wifi
wifi-off wrench
""".split()


def subset(source: Path, target: str, wanted: Iterable[int]) -> set[int]:
    font = TTFont(source)
    kept = set(wanted) & set(font.getBestCmap() or ())
    names = [0, 1, 2, 4, 6, 13, 14]
    options = Options(hinting=False, layout_features=[], name_IDs=names, notdef_outline=True)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "DSIG", "vhea", "vmtx", "VORG", "meta"]
    maker = Subsetter(options)
    maker.populate(unicodes=kept)
    maker.subset(font)
    font.flavor = None
    for record in font["name"].names:  # licences reserve the names of the originals
        if record.nameID in (1, 4, 6):
            record.string = "Phone" + target.removesuffix(".ttf").title().replace("-", "")
    font.save(OUT / target)
    return kept


def set_bearings(path: Path) -> None:
    """Has a font say where each glyph begins. That of the icons says 0 for all of them, so that
    each would be drawn at the left edge of its square."""
    font = TTFont(path)
    for name, (advance, _) in font["hmtx"].metrics.items():
        font["hmtx"][name] = advance, getattr(font["glyf"][name], "xMin", 0)
    font.save(path)


def codes(path: Path) -> list[int]:
    return sorted(TTFont(path).getBestCmap())


def ranges(numbers: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def hangul() -> list[int]:
    """The 2,350 syllables of KS X 1001, which is what people write with."""
    return [c for c in range(0xAC00, 0xD7A4) if len(chr(c).encode("euc_kr", "ignore")) == 2]


def hanja() -> list[int]:
    """Han letters that Japanese and Korean share in daily writing: level 1 of JIS X 0208."""
    found = []
    for lead in range(0xB0, 0xD0):
        for trail in range(0xA1, 0xFF):
            text = bytes((lead, trail)).decode("euc_jp", "ignore")
            found += [ord(text)] if text else []
    return found


def main(folder: Path) -> None:
    OUT.mkdir(exist_ok=True)
    fonts = {p.name: p for p in folder.rglob("*.ttf")}
    subset(fonts["Roboto-Regular.ttf"], "regular.ttf", LATIN)
    subset(fonts["Roboto-Medium.ttf"], "medium.ttf", range(0x20, 0x17F))
    subset(fonts["NanumGothic.ttf"], "korean.ttf", [*KOREAN, *hangul(), *hanja()])
    subset(fonts["NotoSansArabic-Regular.ttf"], "arabic.ttf", ARABIC)
    subset(fonts["NotoSansHebrew-Regular.ttf"], "hebrew.ttf", HEBREW)
    subset(fonts["NotoSansThai-Regular.ttf"], "thai.ttf", THAI)
    seen: set[int] = set()
    loose = []
    for number, part in enumerate(sorted(folder.rglob("noto-emoji-*-400-normal.woff"))):
        if kept := subset(part, f"emoji-{number}.ttf", set(EMOJI) - seen):
            loose.append(str(OUT / f"emoji-{number}.ttf"))
        seen |= kept
    Merger().merge(loose).save(OUT / "emoji.ttf")
    for path in OUT.glob("emoji-*.ttf"):
        path.unlink()
    css = next(folder.rglob("_variables.scss")).read_text()
    pairs = re.findall(r'"([a-z0-9-]+)": ([0-9A-F]{4,5})', css)
    known = {name: int(code, 16) for name, code in pairs}
    icons = {name: known[name] for name in sorted(set(ICONS))}
    subset(fonts["materialdesignicons-webfont.ttf"], "icons.ttf", icons.values())
    set_bearings(OUT / "icons.ttf")
    covered = {p.stem: ranges(codes(p)) for p in sorted(OUT.glob("*.ttf"))}
    (OUT / "coverage.json").write_text(json.dumps(covered) + "\n")
    (OUT / "icons.json").write_text(json.dumps(icons, indent=0) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
