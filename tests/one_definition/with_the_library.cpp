#include <xtensor-torch/xtensor-torch.hpp>

#include "one_definition/xtensor_headers.hpp"

#include "one_definition/results.hpp"

results results_with_the_library() { return make_results(); }
