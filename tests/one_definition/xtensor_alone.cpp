#include "one_definition/xtensor_headers.hpp"

#include "one_definition/results.hpp"

results results_of_xtensor_alone() { return make_results(); }
