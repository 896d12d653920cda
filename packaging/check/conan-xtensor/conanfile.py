"""Stands in for ConanCenter's recipe of xtensor where that is out of reach: packages the headers of the system, and
names package, file and target as that recipe does. Only the check of our own recipe uses it."""
import os
import re
import subprocess

from conan import ConanFile
from conan.tools.files import copy, load


def _headers():
    return subprocess.run(["pkg-config", "--variable=includedir", "xtensor"], check=True, capture_output=True,
                          text=True).stdout.strip()


class Xtensor(ConanFile):
    name = "xtensor"
    package_type = "header-library"
    implements = ["auto_header_only"]
    settings = "os", "arch", "compiler", "build_type"

    def set_version(self):
        folder = os.path.join(_headers(), "xtensor")
        moved = os.path.join(folder, "core", "xtensor_config.hpp")
        header = load(self, moved if os.path.exists(moved) else os.path.join(folder, "xtensor_config.hpp"))
        self.version = ".".join(re.findall(r"define XTENSOR_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))

    def package(self):
        for library in ("xtensor", "xtl"):
            copy(self, "*", src=os.path.join(_headers(), library),
                 dst=os.path.join(self.package_folder, "include", library))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "xtensor")
        self.cpp_info.set_property("cmake_target_name", "xtensor")
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
