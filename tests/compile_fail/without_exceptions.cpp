// expect: xtensor-torch reports mistakes by exceptions, as LibTorch does: compile without -fno-exceptions
// flags: -Wfatal-errors -fno-exceptions
#include <xtensor-torch/xtensor-torch.hpp>
