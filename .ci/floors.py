"""Keep circles out: no two modules of a folder of Rust use each other, directly or by way of others.

    floors.py CRATE/src ...

Looks at every folder by itself. What a file names by `crate::` or `super::`, outside comments and tests, is followed
to the folder's module that it is in; a name that the folder hands on by `pub use` counts as the module it comes from.
A folder's own `mod.rs` stands above its modules and is not looked at. Prints each use that lies on a circle, and the
files that it stands in; fails where there is one, and where a folder has no Rust file to look at.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

COMMENT = re.compile(r"//.*")
TESTS = re.compile(r"#\[cfg\((?:all\()?test\b[^\]]*\]\s*mod \w+ \{.*?^\}", re.DOTALL | re.MULTILINE)
PATH = re.compile(r"\b(crate|super(?:::super)*)::((?:\w+::)*)(\w+|\{|\*)")
WORD = re.compile(r"\w+")


def module_of(file: Path, root: Path) -> tuple[str, ...]:
    parts = file.relative_to(root).with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib") else parts


def entries(text: str, start: int) -> list[str]:
    """The paths of a `{..}` group that opens before `start`, nested ones written out."""
    found, prefix, name = [], [], ""
    depth_prefixes: list[str] = [""]
    for character in text[start:]:
        if character == "{":
            depth_prefixes.append(depth_prefixes[-1] + name.strip())
            name = ""
        elif character in ",}":
            if name.strip():
                found.append(depth_prefixes[-1] + name.strip())
            name = ""
            if character == "}":
                depth_prefixes.pop()
                if not depth_prefixes:
                    break
        else:
            name += character
    return [entry.split(" as ")[0].strip() for entry in found]


def used_paths(text: str, module: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Every path inside the crate that `text`, of `module`, names, from the crate's root."""
    paths = set()
    for match in PATH.finditer(text):
        root, folders, last = match.groups()
        above = root.count("super")
        base = () if root == "crate" else module[: len(module) - above]
        base += tuple(WORD.findall(folders))
        if last == "{":
            paths |= {base + tuple(WORD.findall(entry)) for entry in entries(text, match.end())}
        else:
            paths.add((*base, last))
    return paths


def circles(root: Path) -> list[str]:
    texts, files = {}, {}
    for file in sorted(root.rglob("*.rs")):
        if file.stem == "tests" or "tests" in file.relative_to(root).parts[:-1] or file.name == "main.rs":
            continue
        text = TESTS.sub("", COMMENT.sub("", file.read_text()))
        texts[module_of(file, root)], files[module_of(file, root)] = text, file
    if not texts:
        return [f"{root}: no Rust file"]
    # What each folder hands on under its own name, and which of its modules it is from.
    handed_on: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for module, text in texts.items():
        for match in re.finditer(r"^\s*pub(?:\([^)]*\))? use (?:self::)?(\w+)::", text, re.MULTILINE):
            if (*module, match[1]) in texts:
                for name in WORD.findall(text[match.end() : text.index(";", match.end())]):
                    handed_on[module].setdefault(name, match[1])
    # By folder: which module uses which, in which files.
    uses: dict[tuple[str, ...], dict[str, dict[str, set[Path]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(set))
    )
    for module, text in texts.items():
        for path in used_paths(text, module):
            # The folder in which both are, and the modules of it that they are in.
            folder = next((path[:n] for n in range(len(path) - 1, -1, -1) if module[:n] == path[:n]), ())
            if len(module) <= len(folder) or len(path) <= len(folder):
                continue
            source, target = module[len(folder)], path[len(folder)]
            target = target if (*folder, target) in texts else handed_on[folder].get(target, target)
            if source != target and (*folder, target) in texts:
                uses[folder][source][target].add(files[module])
    found = []
    for folder, edges in sorted(uses.items()):
        reach = {start: reachable(start, edges) for start in edges}
        for one in sorted(reach):
            for other, where in sorted(edges[one].items()):
                if one in reach.get(other, ()):
                    names = ", ".join(file.relative_to(root).as_posix() for file in sorted(where))
                    place = "/".join((root.as_posix(), *folder))
                    found.append(f"{place}: {one} -> {other}, which leads back (in {names})")
    return found


def reachable(start: str, edges: dict[str, dict[str, set[Path]]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(edges[start])
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += edges.get(module, ())
    return seen


found = [circle for root in sys.argv[1:] for circle in circles(Path(root))]
print("\n".join(found), end="\n" if found else "")
sys.exit(bool(found))
