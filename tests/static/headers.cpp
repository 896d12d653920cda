// The headers stand without <torch/torch.h>, and include themselves only once.
#include <xtensor-torch/xtensor-torch.hpp>

#if __has_include(<torch/torch.h>) && defined(TORCH_API_INCLUDE_EXTENSION_H)
#error "xtensor-torch includes torch's extension header"
#endif

// torch/torch.h would have declared the namespace torch::nn with its Module.
namespace torch::nn {
struct Module;
}
template <class T>
concept complete = requires { sizeof(T); };
static_assert(!complete<torch::nn::Module>, "xtensor-torch must include the light ATen headers only");
