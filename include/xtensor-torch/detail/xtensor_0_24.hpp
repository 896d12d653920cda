// xtensor 0.24 tells the shape types std::array<T, N> and xt::svector<T, N, A, Init> apart by template template
// parameters, which newer compilers match more freely: in C++20, GCC takes a shape of dynamic rank for one of rank 4,
// so that xt::eval(a + b) returns an xt::xtensor<T, 4>, and Clang finds two equally good specialisations. The
// specialisations below say what xtensor 0.25 says, for these two types.
//
// They take effect where they are seen before xtensor's templates are first used.
#pragma once

#include <xtensor/xexpression_traits.hpp>
#include <xtensor/xstorage.hpp>
#include <xtensor/xutils.hpp>

#include <cstddef>

namespace xt::detail {

template <template <class, std::size_t, class, bool> class S, class T, std::size_t N, class A, bool Init>
struct xtype_for_shape<S<T, N, A, Init>> {
    template <class V, layout_type L>
    using type = xarray<V, L>;
};

}  // namespace xt::detail

#if defined(__clang__)
namespace xt {

template <>
struct rebind_container<std::ptrdiff_t, dynamic_shape<std::size_t>> {
    using type = dynamic_shape<std::ptrdiff_t>;
};

template <>
struct rebind_container<std::size_t, dynamic_shape<std::ptrdiff_t>> {
    using type = dynamic_shape<std::size_t>;
};

}  // namespace xt
#endif
