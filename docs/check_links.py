"""Every link and picture of a built site leads to a file, and to an anchor in it, that exists.

Usage: check_links.py FOLDER
"""

import html.parser
import pathlib
import sys
import urllib.parse


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
if broken:
    sys.exit("\n".join(sorted(broken)))
print(f"check_links: {count} links in {len(pages)} pages")
