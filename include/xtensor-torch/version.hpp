// The version of this library, in the form both libraries use for theirs: three integer macros.
// CMake reads this file, so the number is written once.
#pragma once

#define XTENSOR_TORCH_VERSION_MAJOR 0
#define XTENSOR_TORCH_VERSION_MINOR 1
#define XTENSOR_TORCH_VERSION_PATCH 0
