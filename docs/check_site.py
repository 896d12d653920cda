"""What Sphinx does not check: every link of the built site leads to a file, and to an anchor in it, that exists, and every
public name that Doxygen found has its entry in the reference.

Usage: check_site.py HTML XML
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse
import xml.etree.ElementTree


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.anchors, self.links = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.update(attributes[name] for name in ("id", "name") if attributes.get(name))
        self.links.update(attributes[name] for name in ("href", "src") if attributes.get(name))


folder = pathlib.Path(sys.argv[1]).resolve()
pages = {path: Page(path.read_text()) for path in folder.rglob("*.html") if "_static" not in path.parts}
broken, count = [], 0
for path, page in pages.items():
    for link in page.links:
        target = urllib.parse.urlsplit(link)
        if target.scheme or target.netloc:
            continue
        count += 1
        file = (path.parent / urllib.parse.unquote(target.path)).resolve() if target.path else path
        if file.is_dir():
            file = file / "index.html"
        anchor = urllib.parse.unquote(target.fragment)
        if not file.exists():
            broken.append(f"{path.relative_to(folder)}: {link} leads to no file")
        elif anchor and file in pages and anchor not in pages[file].anchors:
            broken.append(f"{path.relative_to(folder)}: {link} leads to no place in the page")

names = set()
for compound in xml.etree.ElementTree.parse(f"{sys.argv[2]}/index.xml").getroot():
    name = compound.findtext("name")
    if compound.get("kind") in ("class", "struct", "concept") and name.startswith("xtt::"):
        names.add(name.split("<")[0])
    elif compound.get("kind") == "namespace" and name == "xtt":
        names.update(f"xtt::{member.findtext('name')}" for member in compound if member.get("kind") in ("function", "variable", "enum"))
reference = "".join(path.read_text() for path in (folder / "reference").glob("*.html"))
operators = {"operator<<": "ls"}  # in anchors, as compilers write them
for name in names:
    short = name.removeprefix("xtt::")
    if not re.search(rf'id="_CPPv4\w*N3xtt{operators.get(short, f"{len(short)}{short}")}E', reference):
        broken.append(f"{name} has no entry in the reference")

if broken:
    sys.exit("\n".join(sorted(broken)))
print(f"check_site: {count} links in {len(pages)} pages, {len(names)} public names")
