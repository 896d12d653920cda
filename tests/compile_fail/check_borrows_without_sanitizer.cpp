// expect: XTENSOR_TORCH_CHECK_BORROWS asks AddressSanitizer what memory is alive: compile with -fsanitize=address
// flags: -Wfatal-errors -DXTENSOR_TORCH_CHECK_BORROWS
#include <xtensor-torch/xtensor-torch.hpp>
