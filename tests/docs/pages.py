"""Compiles, runs and compares what the pages of the documentation show.

Every fenced block of C++ or Python in a page is run, in its order and with the headers that the page shows, and what it
prints is the block of text that follows it, or nothing. Blocks of C++ under one heading share a scope, those of Python
share one in the whole page. A text that starts with the name of an exception is what the last statement of the block
before it throws. A comment right before a block says more:

    <!-- file scope -->                 the block stands outside of functions
    <!-- needs CUDA -->                 the block is compiled, and run where there is a CUDA device
    <!-- needs no CUDA -->              the block is compiled, and run where there is none
    <!-- file: PATH -->                 the block is that file, which is tested elsewhere, or a part of it
    <!-- does not compile: PATH -->     the block is a mistake; that file tests what the compiler says

Usage: pages.py extract PAGE OUT.cpp    writes the blocks of C++ as a source file
       pages.py cpp PAGE PROGRAM        compares what the program prints
       pages.py python PAGE LIBRARY TORCH
                                        runs the blocks of Python, which load that library of operators; exits with
                                        77 where NumPy or the torch in that folder is missing
       pages.py errors PAGE HEADERS     every message of the headers is in the page
"""

import contextlib
import dataclasses
import difflib
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback

root = pathlib.Path(__file__).resolve().parents[2]
separator = "\x1e"
first_includes = [  # those of page.hpp
    "#include <torch/torch.h>",
    "#include <xtensor-torch/xtensor-torch.hpp>",
    "#include <xtensor-torch/xtensor.hpp>",
    "#include <iostream>",
]
exception = re.compile(r"^(?:[a-z0-9_]+::)*\w*(?:Error|Exception|bad_\w+): ")


@dataclasses.dataclass
class Block:
    language: str
    line: int  # of the first line of code
    section: int
    comment: str
    code: str = ""
    printed: str | None = None  # the text that follows
    printed_line: int = 0

    @property
    def is_run(self):
        return not self.comment.startswith(("file:", "does not compile:"))

    @property
    def throws(self):
        return self.printed is not None and exception.match(self.printed) is not None


def read_blocks(page):
    blocks, block, section, comment, following = [], None, 0, "", False
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if block is not None:
            if line == "```":
                if block.language == "text":
                    if blocks and blocks[-1].printed is None and following:
                        blocks[-1].printed, blocks[-1].printed_line = block.code, block.line
                else:
                    blocks.append(block)
                block, following = None, True
            else:
                block.code += line + "\n"
        elif re.match(r"```(c|c\+\+|cxx|py|python3)$", line, re.IGNORECASE):
            fail(f"{page}:{number}: this block would not be tested: write ```cpp or ```python")
        elif match := re.match(r"```(\w+)$", line):
            block = Block(match[1], number + 1, section, comment)
            following = following and block.language == "text"
            comment = ""
        elif line.startswith("#"):
            section, comment, following = section + 1, "", False
        elif match := re.match(r"<!-- (.*) -->$", line):
            comment = match[1]
        elif line:
            comment, following = "", False
    if block is not None:
        fail(f"{page}:{block.line}: the block has no end")
    return blocks


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def skip(why):
    print(f"pages: skipped, {why}. Run scripts/setup.")
    sys.exit(77)


def path_of(page):
    return page.resolve().relative_to(root)


def check_files(page, blocks):
    for block in blocks:
        kind, _, name = block.comment.partition(": ")
        if kind in ("file", "does not compile"):
            file = root / name
            if not file.exists():
                fail(f"{page}:{block.line}: there is no file {name}")
            if kind == "file" and block.code not in file.read_text():
                fail(f"{page}:{block.line}: the block is not in {name}")


def needed(block):
    return re.findall(r"^needs (.*)$", block.comment)


def extract(page, out):
    blocks = [(i, b) for i, b in enumerate(read_blocks(page)) if b.language == "cpp" and b.is_run]
    name = re.sub(r"\W", "_", page.stem).lower()
    source = path_of(page)
    includes, outside, sections, order = [], [], {}, []
    for index, block in blocks:
        lines = block.code.splitlines()
        includes += [line for line in lines if line.startswith("#include <")]
        code = "\n".join("" if line.startswith("#include") else line for line in lines)
        code = f'#line {block.line} "{source}"\n{code}\n'
        if block.comment == "file scope" or not code.replace("\n", "").strip('"').split(f'{source}"')[-1].strip():
            outside.append(code)
            continue
        body = f"docs::begin({index});\n"
        if block.throws:
            start = max(i for i, line in enumerate(lines) if re.match(r"[^\s})]", line))
            before, last = "\n".join(lines[:start]), "\n".join(lines[start:])
            body += (
                f'#line {block.line} "{source}"\n{before}\n'
                f'docs::print_exception([&] {{\n#line {block.line + start} "{source}"\n{last}\n}});\n'
            )
        else:
            body += code
        for what in needed(block):
            body = f'if (docs::has("{what}", {index})) {{\n{body}}}\n'
        sections.setdefault(block.section, []).append(body)
    if blocks and (absent := [line for line in first_includes if line not in includes]):
        fail(f"{page}: its blocks start from headers that it does not show:\n" + "\n".join(absent))
    # One light header stands for all of LibTorch.
    text = "".join(line + "\n" for line in dict.fromkeys(includes) if line not in first_includes)
    text = f'// From {source}.\n#include "page.hpp"\n\n{text}\nnamespace docs_{name} {{\n\n' + "".join(outside)
    for section, bodies in sections.items():
        text += f"static void section_{section}() {{\n" + "".join(bodies) + "}\n"
    calls = "".join(f"    section_{section}();\n" for section in sections)
    text += f'\nstatic const docs::page registered("{page.stem}", [] {{\n{calls}}});\n\n}}  // namespace docs_{name}\n'
    if not out.exists() or out.read_text() != text:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text)


def stripped(text):
    return [line.rstrip() for line in (text or "").strip("\n").splitlines()]


def compare(page, block, printed):
    """Whether the block printed what the page shows; says so where it did not."""
    if stripped(block.printed) == stripped(printed):
        return True
    print(f"{path_of(page)}:{block.line}: the block prints another text than the page shows")
    print("\n".join(difflib.unified_diff(stripped(block.printed), stripped(printed), "shown", "printed", lineterm="")))
    return False


def compare_cpp(page, program):
    blocks = read_blocks(page)
    check_files(page, blocks)
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([program, page.stem], stdout=subprocess.PIPE, text=True, cwd=folder)
    printed = {}
    for part in run.stdout.split(separator)[1:]:
        head, _, rest = part.partition("\n")
        printed[int(head.split()[0])] = None if head.endswith("skipped") else rest
    right = True
    for index, block in enumerate(blocks):
        if index not in printed:
            continue
        if printed[index] is None:
            print(f"{path_of(page)}:{block.line}: compiled, not run: this machine has no {needed(block)[0]}")
        elif not compare(page, block, printed[index]):
            right = False
    if run.returncode != 0 or not right:
        fail(f"{path_of(page)}: the program ended with {run.returncode}")
    print(f"{path_of(page)}: {len(printed)} blocks of C++")


@contextlib.contextmanager
def working_in(folder):
    before = pathlib.Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def run_python(page, library, torch_folder, folder):
    blocks = [block for block in read_blocks(page) if block.language == "python" and block.is_run]
    try:
        import numpy
        import torch
    except ImportError as error:
        skip(f"{sys.executable} cannot run the page ({error})")
    if pathlib.Path(torch.__file__).parent.resolve() != torch_folder.resolve():
        skip(f"the torch of {sys.executable} is not the LibTorch in {torch_folder}, for which the operators were built")
    load = torch.ops.load_library
    torch.ops.load_library = lambda name: load(library)
    names, right = {"__name__": str(path_of(page))}, True
    for block in blocks:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), working_in(folder):
            try:
                exec(compile("\n" * (block.line - 1) + block.code, path_of(page), "exec"), names)
            except Exception as error:
                if not block.throws:
                    traceback.print_exc()
                out.write(f"{type(error).__name__}: {error}\n")
        right = compare(page, block, out.getvalue()) and right
    if not right:
        sys.exit(1)
    print(f"{path_of(page)}: {len(blocks)} blocks of Python")


def messages_of(header):
    """The texts of three words and more in a header, adjacent literals as one."""
    texts, current = [], None
    tokens = re.findall(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|\'(?:\\.|[^\'\\])\'|\s+|[^"/\'\s]+|.', header.read_text())
    for token in tokens + [";"]:
        if token.startswith('"'):
            current = (current or "") + token[1:-1].replace('\\"', '"')
        elif not token.isspace() and not token.startswith("//") and current is not None:
            texts.append(current)
            current = None
    return [text for text in texts if len(text.split()) >= 3]


def compare_errors(page, headers):
    # In tables Markdown has some characters escaped.
    shown = " ".join(re.sub(r"\\([<*|\[])", r"\1", page.read_text()).split())
    missing, count = [], 0
    for header in sorted(headers.rglob("*.hpp")):
        if header.name in ("format.hpp", "compiler.hpp"):  # they refuse nothing in words of their own
            continue
        for text in messages_of(header):
            count += 1
            if " ".join(text.split()) not in shown:
                missing.append(f"{header.relative_to(headers)}: {text}")
    if count < 100:
        fail(f"only {count} messages were found in {headers}")
    if missing:
        fail(f"{path_of(page)} does not show these parts of messages:\n" + "\n".join(missing))
    print(f"{path_of(page)}: {count} parts of messages")


def main(command, page, *rest):
    page = pathlib.Path(page)
    if command == "extract":
        extract(page, pathlib.Path(rest[0]))
    elif command == "cpp":
        compare_cpp(page, rest[0])
    elif command == "python":
        with tempfile.TemporaryDirectory() as folder:
            run_python(page, rest[0], pathlib.Path(rest[1]), folder)
    elif command == "errors":
        compare_errors(page, pathlib.Path(rest[0]))
    else:
        fail(__doc__)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    if len(sys.argv) < 3:
        fail(__doc__)
    main(*sys.argv[1:])
