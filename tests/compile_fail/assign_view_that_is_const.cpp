// expect: this view is const: take it as auto&
#include <xtensor-torch/view.hpp>

void copy_all(const xtt::tensor_view<float>& view, const xtt::tensor_view<const float>& other) { view = other; }
