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
using tensor2 = xt::xtensor<float, 2, xt::layout_type::column_major>;
using allocated = xt::xtensor<float, 2, xt::layout_type::row_major, xtt::allocator<float>>;
using fixed = xt::xtensor_fixed<float, xt::xshape<2, 2>>;
using shared = xtt::shared_array<float>;
using text = xt::xarray<std::string>;
using row = decltype(xt::view(std::declval<array&>(), 0));
using strided_row = decltype(xt::strided_view(std::declval<array&>(), {0}));
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
using on_const_pointer =
    decltype(xt::adapt(std::declval<const float*>(), 3, xt::no_ownership(), std::vector<std::size_t>()));
using on_const_vector = decltype(xt::adapt(std::declval<const std::vector<float>&>(), std::vector<std::size_t>()));
using row_of_const_vector = decltype(xt::view(std::declval<on_const_vector&>(), 0));
using broadcast = decltype(xt::broadcast(std::declval<array&>(), std::vector<std::size_t>()));
using view = xtt::tensor_view<float>;
using const_view = xtt::tensor_view<const float, 2>;
using row_of_view = decltype(xt::view(std::declval<view&>(), 0));

// The table. `no` does not compile; an adopted fixed-shape container moves its elements with it.
enum call { no, shares, takes_over, copies };
template <class C>
constexpr call borrow = borrowable<C> ? shares : no;
template <class C>
constexpr call adopt = !adoptable<C>                                       ? no
                       : xt::is_xexpression<std::remove_cvref_t<C>>::value ? takes_over
                                                                           : shares;
template <class C>
constexpr call copy = copyable<C> ? copies : no;
template <class C>
constexpr bool row_is(call borrowed, call adopted, call copied) {
    return borrow<C> == borrowed && adopt<C> == adopted && copy<C> == copied;
}

// clang-format off
//                                                        borrow  adopt       copy
static_assert(row_is<array&>(                             shares, no,         copies));
static_assert(row_is<array>(                              no,     takes_over, copies));
static_assert(row_is<const array&>(                       no,     no,         copies));
static_assert(row_is<const array>(                        no,     no,         copies));
static_assert(row_is<tensor2&>(                           shares, no,         copies));
static_assert(row_is<tensor2>(                            no,     takes_over, copies));
static_assert(row_is<const tensor2&>(                     no,     no,         copies));
static_assert(row_is<allocated&>(                         shares, no,         copies));
static_assert(row_is<allocated>(                          no,     takes_over, copies));
static_assert(row_is<fixed&>(                             shares, no,         copies));
static_assert(row_is<fixed>(                              no,     takes_over, copies));
static_assert(row_is<const fixed&>(                       no,     no,         copies));
static_assert(row_is<with_vector&>(                       shares, no,         copies));
static_assert(row_is<with_vector>(                        no,     takes_over, copies));
static_assert(row_is<const with_vector&>(                 no,     no,         copies));
static_assert(row_is<std::shared_ptr<array>>(             no,     no,         no));
static_assert(row_is<std::shared_ptr<with_vector>>(       no,     no,         no));
static_assert(row_is<std::shared_ptr<on_vector>>(         no,     no,         no));
static_assert(row_is<std::shared_ptr<shared>>(            no,     shares,     no));
static_assert(row_is<const std::shared_ptr<shared>&>(     no,     shares,     no));
static_assert(row_is<std::shared_ptr<fixed>>(             no,     shares,     no));
static_assert(row_is<std::shared_ptr<const shared>>(      no,     no,         no));
static_assert(row_is<shared&>(                            shares, no,         copies));
static_assert(row_is<shared>(                             no,     takes_over, copies));
static_assert(row_is<on_vector&>(                         shares, no,         copies));
static_assert(row_is<on_vector>(                          shares, no,         copies));
static_assert(row_is<on_pointer&>(                        shares, no,         copies));
static_assert(row_is<on_pointer>(                         shares, no,         copies));
static_assert(row_is<on_const_pointer&>(                  no,     no,         copies));
static_assert(row_is<on_const_vector&>(                   no,     no,         copies));
static_assert(row_is<on_const_vector>(                    no,     no,         copies));
static_assert(row_is<row_of_const_vector>(                no,     no,         copies));
static_assert(row_is<row&>(                               shares, no,         copies));
static_assert(row_is<row>(                                shares, no,         copies));
static_assert(row_is<strided_row>(                        shares, no,         copies));
static_assert(row_is<transposed>(                         shares, no,         copies));
static_assert(row_is<row_of_const>(                       no,     no,         copies));
static_assert(row_is<row_of_const&>(                      no,     no,         copies));
static_assert(row_is<row_of_temporary&>(                  shares, no,         copies));
static_assert(row_is<row_of_temporary>(                   no,     no,         copies));
static_assert(row_is<picked&>(                            no,     no,         copies));
static_assert(row_is<picked>(                             no,     no,         copies));
static_assert(row_is<view&>(                              shares, no,         copies));
static_assert(row_is<view>(                               shares, no,         copies));
static_assert(row_is<row_of_view>(                        shares, no,         copies));
static_assert(row_is<const_view&>(                        no,     no,         copies));
static_assert(row_is<const_view>(                         no,     no,         copies));
static_assert(row_is<sum&>(                               no,     no,         copies));
static_assert(row_is<sum>(                                no,     no,         copies));
static_assert(row_is<broadcast>(                          no,     no,         copies));
static_assert(row_is<reduced>(                            no,     no,         copies));
static_assert(row_is<generated&>(                         no,     no,         copies));
static_assert(row_is<generated>(                          no,     no,         copies));
static_assert(row_is<xt::xscalar<float>>(                 no,     no,         copies));
static_assert(row_is<text&>(                              no,     no,         no));
static_assert(row_is<text>(                               no,     no,         no));
static_assert(row_is<std::vector<float>&>(                no,     no,         no));
static_assert(row_is<std::vector<float>>(                 no,     no,         no));
static_assert(row_is<at::Tensor&>(                        no,     no,         no));
// clang-format on

// view<T>(tensor) shares, and reads only where the tensor is const
static_assert(viewable<float, at::Tensor&> && viewable<float, at::Tensor>);
static_assert(viewable<const float, at::Tensor&> && viewable<const float, at::Tensor>);
static_assert(!viewable<float, const at::Tensor&> && viewable<const float, const at::Tensor&>);
static_assert(!viewable<float, const at::Tensor> && viewable<const float, const at::Tensor>);
static_assert(!viewable<float, array&> && !viewable<const float, float*>);
static_assert(viewable<float> && viewable<const float> && viewable<std::complex<float>> && viewable<long long>);
static_assert(!viewable<long double> && !viewable<std::string> && !viewable<float&> && !viewable<void>);

// What shares says so in its type
static_assert(shares_storage_v<view> && shares_storage_v<const const_view&>);
static_assert(shares_storage_v<decltype(xt::view(std::declval<view&>(), 0))>);
static_assert(shares_storage_v<decltype(xt::transpose(std::declval<view&>()))>);
static_assert(!shares_storage_v<array> && !shares_storage_v<sum> && !shares_storage_v<row>);
static_assert(!shares_storage_v<decltype(xtt::to_host<float>(std::declval<at::Tensor>()))>);
