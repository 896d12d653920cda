// The table of element types and dtypes, and what follows from it, for users who need nothing else of this library.
#pragma once

#include <xtensor-torch/elements/dtype_traits.hpp>  // IWYU pragma: export
