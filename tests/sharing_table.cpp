// Prints the tables in docs/sharing.md of what shares, what copies and what does not compile. The concepts say what
// compiles; what shares is seen in the addresses of real calls.
#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/views/xindex_view.hpp>
#else
#include <xtensor/xindex_view.hpp>
#endif

#include <array>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using row = std::array<std::string, 3>;

const std::string refused = "does not compile";

template <class X>
const void* address(const X& x) {
    if constexpr (requires { x.data() + x.data_offset(); }) {
        return x.data() + x.data_offset();
    } else if constexpr (requires { address(*x); }) {
        return address(*x);
    } else {
        return nullptr;
    }
}

template <class X>
const void* address(const std::shared_ptr<X>& x) {
    return address(*x);
}

// `make` returns what the verbs are called with, in the value category in question.
template <class Make>
row outcomes(Make make) {
    using C = decltype(make());
    row cells{refused, refused, refused};
    if constexpr (xtt::borrowable<C>) {
        C&& x = make();
        cells[0] = xtt::borrow(std::forward<C>(x)).const_data_ptr() == address(x) ? "shares" : "copies";
    }
    if constexpr (xtt::adoptable<C>) {
        C&& x = make();
        const void* before = address(x);
        const bool is_container = xt::is_xexpression<std::remove_cvref_t<C>>::value;
        cells[1] = xtt::adopt(std::forward<C>(x)).const_data_ptr() != before ? "moves the elements"
                   : is_container                                            ? "takes over"
                                                                             : "shares";
    }
    if constexpr (xtt::copyable<C>) {
        C&& x = make();
        cells[2] = xtt::copy(x).const_data_ptr() == address(x) ? "shares" : "copies";
    }
    return cells;
}

// One line for everything that behaves alike.
template <class First, class... Rest>
void print(const std::string& from, First first, Rest... rest) {
    const row cells = outcomes(first);
    if (((outcomes(rest) != cells) || ...)) {
        std::cout << "| " << from << " | differ among themselves |\n";
        return;
    }
    std::cout << "| " << from << " | " << cells[0] << " | " << cells[1] << " | " << cells[2] << " |\n";
}

template <class Tensor>
void print_tensor(const std::string& from, Tensor&& tensor) {
    const auto view = [&]<class T>(T*) -> std::string {
        if constexpr (xtt::viewable<T, Tensor>) {
            return xtt::view<T>(std::forward<Tensor>(tensor)).data() == tensor.const_data_ptr() ? "shares" : "copies";
        } else {
            return refused;
        }
    };
    const float* nothing = nullptr;
    std::cout << "| " << from << " | " << view(static_cast<float*>(nullptr)) << " | " << view(nothing) << " | "
              << (xtt::to_host<float>(tensor).data() == tensor.const_data_ptr() ? "shares" : "copies") << " |\n";
}

}  // namespace

int main() {
    using array = xt::xarray<float>;
    using matrix = xt::xtensor<float, 2>;
    using fixed = xt::xtensor_fixed<float, xt::xshape<2, 2>>;

    at::Tensor tensor = testing::counting({2, 2});
    std::cout << "| from a tensor | `view<T>(x)` | `view<const T>(x)` | `to_host<T>(x)` |\n|---|---|---|---|\n";
    print_tensor("`torch::Tensor`", tensor);
    print_tensor("`torch::Tensor`, temporary", std::move(tensor));
    print_tensor("`const torch::Tensor`", std::as_const(tensor));

    array a = {{1, 2}, {3, 4}};
    matrix m = {{1, 2}, {3, 4}};
    fixed f = {{1, 2}, {3, 4}};
    std::vector<float> memory = {1, 2, 3, 4};
    xt::xarray<std::string> words = {"a"};
    const std::vector<std::size_t> shape = {2, 2};
    auto vector = xt::adapt(std::vector<float>(memory), shape);
    auto adaptor = xt::adapt(memory, shape);
    auto shared = std::make_shared<xtt::shared_array<float>>(a);
    auto view = xtt::view<float>(tensor);
    auto const_view = xtt::view<const float>(tensor);
    auto column = xt::view(a, xt::all(), 1);
    auto owning_view = xt::view(array(a), 1);
    auto sum = a + m;

    std::cout << "\n| from xtensor | `borrow(x)` | `adopt(x)` | `copy(x)` |\n|---|---|---|---|\n";
    print(
        "container: `xt::xarray`, `xt::xtensor`, `xt::adapt(std::move(buffer), shape)`", [&]() -> array& { return a; },
        [&]() -> matrix& { return m; }, [&]() -> auto& { return vector; });
    print(
        "container, temporary or `std::move`d", [&] { return array(a); }, [&] { return matrix(m); },
        [&] { return xt::adapt(std::vector<float>(memory), shape); });
    print(
        "container, `const`", [&]() -> const array& { return a; }, [&]() -> const matrix& { return m; },
        [&]() -> const array { return a; }, [&]() -> const auto& { return vector; });
    print(
        "`xtt::shared_array`, `xtt::shared_tensor` in a `std::shared_ptr`", [&] { return shared; },
        [&]() -> const auto& { return shared; });
    print("fixed shape: `xt::xtensor_fixed`", [&]() -> fixed& { return f; });
    print("fixed shape, temporary or `std::move`d", [&] { return fixed(f); });
    print("fixed shape, `const`", [&]() -> const fixed& { return f; });
    print(
        "adaptor over other memory: `xt::adapt(buffer, shape)`", [&]() -> auto& { return adaptor; },
        [&] { return xt::adapt(memory, shape); },
        [&] { return xt::adapt(memory.data(), 4, xt::no_ownership(), shape); });
    print("adaptor over `const` memory", [&] { return xt::adapt(std::as_const(memory), shape); });
    print(
        "view over a container: `xt::view`, `xt::strided_view`, `xt::transpose`", [&]() -> auto& { return column; },
        [&] { return xt::view(a, xt::all(), 1); }, [&] { return xt::strided_view(a, {xt::all(), 1}); },
        [&] { return xt::transpose(m); });
    print(
        "view over a `const` container", [&] { return xt::view(std::as_const(a), xt::all(), 1); },
        [&] { return xt::transpose(std::as_const(m)); });
    print("view that took a temporary container in", [&]() -> auto& { return owning_view; });
    print("view that took a temporary container in, itself temporary", [&] { return xt::view(array(a), 1); });
    print(
        "view of picked elements: `xt::keep`, `xt::index_view`, `xt::filter`",
        [&] { return xt::view(a, xt::keep(0, 1)); },
        [&] { return xt::index_view(a, std::vector<std::array<std::size_t, 2>>{{0, 1}}); },
        [&] { return xt::filter(a, a > 1.0f); });
    print(
        "`xtt::tensor_view<T>`, and views over one", [&]() -> auto& { return view; },
        [&] { return xtt::view<float>(tensor); }, [&] { return xt::view(view, xt::all(), 1); },
        [&] { return xt::transpose(view); });
    print(
        "`xtt::tensor_view<const T>`, and views over one", [&]() -> auto& { return const_view; },
        [&] { return xtt::view<const float>(tensor); }, [&] { return xt::view(const_view, xt::all(), 1); });
    print(
        "expression: `a + b`, `xt::sqrt(a)`, `xt::sum(a, {0})`, `xt::broadcast`", [&]() -> auto& { return sum; },
        [&] { return a + m; }, [&] { return xt::sqrt(a); }, [&] { return xt::sum(a, {0}); },
        [&] { return xt::broadcast(a, {3, 2, 2}); });
    print(
        "generator: `xt::arange`, `xt::ones`", [&] { return xt::arange<float>(3); },
        [&] { return xt::ones<float>({2, 2}); });
    print(
        "anything of elements without a dtype, e.g. `std::string`", [&]() -> auto& { return words; },
        [&] { return xt::xarray<std::string>(words); }, [&] { return xt::view(words, 0); });
}
