// expect: this view is const and cannot be written: take it as auto& or tensor_view<T>&
#include <xtensor-torch/view.hpp>

void double_all(const xtt::tensor_view<float>& view) { view *= 2; }
