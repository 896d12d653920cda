"""The Conan 2 recipe: `conan create packaging/conan` packages the tree around it.

The package is headers and CMake files, the same for every setting. xtensor comes from Conan, or from the system where
the profile says so: `[platform_requires]` with `xtensor/0.27.0`, say. LibTorch is in ConanCenter only as a version too
old to be of use: it comes from the system, and CMake finds it as it would without Conan (CMAKE_PREFIX_PATH, Torch_DIR).
"""
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir

required_conan_version = ">=2.4"


class XtensorTorch(ConanFile):
    name = "xtensor-torch"
    description = "Zero-copy bridge between LibTorch tensors and xtensor expressions"
    license = "BSD-3-Clause"
    topics = ("libtorch", "pytorch", "xtensor", "tensor", "header-only")
    package_type = "header-library"
    implements = ["auto_header_only"]
    settings = "os", "arch", "compiler", "build_type"

    def _tree(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._tree(), "include", "xtensor-torch", "version.hpp"))
        self.version = ".".join(re.findall(r"define XTENSOR_TORCH_VERSION_\w+ (\d+)", header))

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*"):
            copy(self, pattern, src=self._tree(), dst=self.export_sources_folder)

    def layout(self):
        cmake_layout(self, src_folder=".")

    def requirements(self):
        self.requires("xtensor/[>=0.24.3 <0.28]", transitive_headers=True)

    def validate(self):
        if self.settings.get_safe("compiler.cppstd"):
            check_min_cppstd(self, 20)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["XTENSOR_TORCH_WITHOUT_DEPENDENCIES"] = True
        toolchain.generate()

    def build(self):
        CMake(self).configure()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        rmdir(self, os.path.join(self.package_folder, "share", "doc"))
        # Conan writes this one itself.
        rmdir(self, os.path.join(self.package_folder, "share", "pkgconfig"))

    def package_info(self):
        # The package's own CMake files look for LibTorch, and ask the xtensor that is found for its header layout.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.set_property("cmake_file_name", "xtensor-torch")
        self.cpp_info.set_property("cmake_target_name", "xtensor-torch::xtensor-torch")
        self.cpp_info.set_property("pkg_config_name", "xtensor-torch")
        self.cpp_info.builddirs = [os.path.join("share", "cmake", "xtensor-torch")]
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
