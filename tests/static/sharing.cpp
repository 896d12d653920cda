// From -> to: shares, copies, or does not compile. One line a row.
#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#include <complex>
#include <string>

using xtt::adoptable;
using xtt::borrowable;
using xtt::copyable;
using xtt::shares_storage_v;
using xtt::viewable;

using array = xt::xarray<float>;
using fixed = xt::xtensor_fixed<float, xt::xshape<2, 2>>;
using text = xt::xarray<std::string>;
using row = decltype(xt::view(std::declval<array&>(), 0));
using row_of_const = decltype(xt::view(std::declval<const array&>(), 0));
using row_of_temporary = decltype(xt::view(std::declval<array>(), 0));
using transposed = decltype(xt::transpose(std::declval<array&>()));
using picked = decltype(xt::view(std::declval<array&>(), xt::keep(0, 2)));
using sum = decltype(std::declval<array&>() + 1.0f);
using reduced = decltype(xt::sum(std::declval<array&>(), {0}));
using generated = decltype(xt::arange<float>(3));
using on_vector = decltype(xt::adapt(std::declval<std::vector<float>&>(), std::vector<std::size_t>()));
using with_vector = decltype(xt::adapt(std::declval<std::vector<float>>(), std::vector<std::size_t>()));
using on_pointer = decltype(xt::adapt(std::declval<float*>(), 3, xt::no_ownership(), std::vector<std::size_t>()));
using view = xtt::tensor_view<float>;
using const_view = xtt::tensor_view<const float, 2>;

// view<T>(tensor) shares
static_assert(viewable<float> && viewable<const float> && viewable<std::complex<float>> && viewable<long long>);
static_assert(!viewable<long double> && !viewable<std::string> && !viewable<float&> && !viewable<void>);

// borrow(x) shares
static_assert(borrowable<array&> && borrowable<fixed&> && borrowable<on_vector&> && borrowable<view&>);
static_assert(borrowable<row&> && borrowable<row> && borrowable<transposed>);
static_assert(borrowable<on_vector> && borrowable<on_pointer>);
static_assert(borrowable<with_vector&> && borrowable<row_of_temporary&>);
static_assert(!borrowable<array> && !borrowable<fixed> && !borrowable<with_vector> && !borrowable<row_of_temporary>);
static_assert(!borrowable<const array&> && !borrowable<const array> && !borrowable<row_of_const&>);
static_assert(!borrowable<sum&> && !borrowable<reduced&> && !borrowable<generated&> && !borrowable<picked&>);
static_assert(!borrowable<text&> && !borrowable<const_view&> && !borrowable<std::vector<float>&> && !borrowable<int&>);

// adopt(x) takes over
static_assert(adoptable<array> && adoptable<fixed> && adoptable<with_vector>);
static_assert(adoptable<std::shared_ptr<array>> && adoptable<const std::shared_ptr<array>&>);
static_assert(!adoptable<array&> && !adoptable<const array> && !adoptable<const array&>);
static_assert(!adoptable<on_vector> && !adoptable<on_pointer> && !adoptable<row> && !adoptable<view>);
static_assert(!adoptable<sum> && !adoptable<text> && !adoptable<std::shared_ptr<const array>>);
static_assert(!adoptable<std::vector<float>> && !adoptable<std::shared_ptr<float>>);

// copy(x) copies
static_assert(copyable<array&> && copyable<const array> && copyable<fixed> && copyable<sum> && copyable<reduced>);
static_assert(copyable<generated> && copyable<picked> && copyable<view> && copyable<const_view&>);
static_assert(!copyable<text> && !copyable<float> && !copyable<std::vector<float>>);

// What shares says so in its type
static_assert(shares_storage_v<view> && shares_storage_v<const const_view&>);
static_assert(shares_storage_v<decltype(xt::view(std::declval<view&>(), 0))>);
static_assert(shares_storage_v<decltype(xt::transpose(std::declval<view&>()))>);
static_assert(!shares_storage_v<array> && !shares_storage_v<sum> && !shares_storage_v<row>);
static_assert(!shares_storage_v<decltype(xtt::to_host<float>(std::declval<at::Tensor>()))>);
