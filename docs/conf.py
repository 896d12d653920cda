"""How Sphinx makes the site of these pages; scripts/docs runs it. The pages are Markdown, to be read in the repository, too."""

import os
import re
from pathlib import Path

from docutils import nodes

root = Path(__file__).parent.parent
numbers = re.findall(r"#define XTENSOR_TORCH_VERSION_\w+ (\d+)", (root / "include/xtensor-torch/version.hpp").read_text())

project = "xtensor-torch"
release = ".".join(numbers)
version = release
copyright = "the xtensor-torch contributors"

extensions = ["breathe", "myst_parser", "sphinx_copybutton"]
exclude_patterns = ["_templates"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
breathe_projects = {"xtensor-torch": str(root / "build/docs/xml")}
breathe_default_project = "xtensor-torch"
breathe_show_include = False
primary_domain = "cpp"
highlight_language = "cpp"

# Pages in the web are looked at when scripts/docs is asked to; files of the repository have no page here.
linkcheck_timeout = 15
linkcheck_workers = 4

html_theme = "pydata_sphinx_theme"
html_title = f"xtensor-torch {release}"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "from-python": []},
    "navbar_center": [],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# Who publishes the site names the repository; the pages do not know where they lie.
if repository := os.environ.get("XTENSOR_TORCH_REPOSITORY"):
    html_theme_options["icon_links"] = [{"name": "Repository", "url": repository, "icon": "fa-solid fa-code-branch"}]
templates_path = ["_templates"]
html_sidebars = {"**": ["all-pages"], "from-python": ["all-pages", "page-toc"]}


def put_side_by_side(app, doctree):
    """Python that is followed by C++, each with what it prints, becomes one row of two columns."""
    for python in list(doctree.findall(nodes.literal_block)):
        columns, sibling = {"python": [], "cpp": []}, python
        column = None
        while isinstance(sibling, nodes.literal_block | nodes.raw):
            language = sibling.get("language") if isinstance(sibling, nodes.literal_block) else None
            if language in columns:
                if columns[language] or (language == "cpp" and not columns["python"]):
                    break
                column = language
            if column is None:
                break
            columns[column].append(sibling)
            siblings = sibling.parent.children
            position = siblings.index(sibling) + 1
            sibling = siblings[position] if position < len(siblings) else None
        if not columns["python"] or not columns["cpp"]:
            continue
        pair = nodes.container(classes=["side-by-side"])
        python.parent.insert(python.parent.index(python), pair)
        for language, blocks in columns.items():
            cell = nodes.container(classes=[f"side-{language}"])
            for block in blocks:
                block.parent.remove(block)
                cell += block
            pair += cell


def setup(app):
    app.connect("doctree-read", put_side_by_side)
    return {"parallel_read_safe": True}
