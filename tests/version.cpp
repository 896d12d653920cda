#include "support/testing.hpp"

#include <xtensor-torch/version.hpp>

namespace {

std::string joined(int major, int minor, int patch) {
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

TEST_CASE("the version in the header is the version of the CMake project") {
    CHECK(joined(XTENSOR_TORCH_VERSION_MAJOR, XTENSOR_TORCH_VERSION_MINOR, XTENSOR_TORCH_VERSION_PATCH) ==
          CMAKE_PROJECT_VERSION);
}

TEST_CASE("the xtensor that is compiled is the xtensor that CMake found") {
    CHECK(joined(XTENSOR_VERSION_MAJOR, XTENSOR_VERSION_MINOR, XTENSOR_VERSION_PATCH) == CMAKE_XTENSOR_VERSION);
}

TEST_CASE("xtensor's header layout is told by its version") {
    const bool moved = XTENSOR_VERSION_MAJOR > 0 || XTENSOR_VERSION_MINOR >= 26;
    CHECK(moved == (XTENSOR_TORCH_XTENSOR_SUBFOLDERS != 0));
}

}  // namespace
