// expect: xtensor-torch needs C++20: compile with -std=c++20 or newer
// flags: -Wfatal-errors -std=c++17
#include <xtensor-torch/xtensor-torch.hpp>
