// Which functors may be called from several threads and in any order, and how to name one of your own.
#pragma once

#include <xtensor-torch/evaluation/purity.hpp>  // IWYU pragma: export
