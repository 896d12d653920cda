// expect: borrow needs elements that may be written, and this container is const: use xtt::copy(x)
#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

auto mistake(const std::vector<float>& buffer) {
    auto adaptor = xt::adapt(buffer, {buffer.size()});
    return xtt::borrow(adaptor);
}
