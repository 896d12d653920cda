#include "second.hpp"

#include <cstdlib>

int main() {
    auto view = make_ones(2, 3);
    double_in_place(view);
    xt::xtensor<float, 2> array = {{1, 2}, {3, 4}};
    at::Tensor tensor = xtt::borrow(array);
    auto borrowed = xtt::view<float, 2>(tensor);
    double_in_place(borrowed);
    const shared_objects second = objects_of_second();
    const bool same_objects = second.transfers == &xtt::detail::unattended_transfers::instance() &&
                              second.allocator == &xtt::detail::host_allocator() &&
                              *second.view_type == typeid(borrowed);
    return view(1, 2) == 2.0f && array(1, 1) == 8.0f && same_objects ? EXIT_SUCCESS : EXIT_FAILURE;
}
