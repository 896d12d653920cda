// xtensor 0.26 moved its headers into subfolders, 0.24 needs help with C++20; only this file knows.
//
// CMake looks at the include directory of the xtensor it links and states the header layout through
// XTENSOR_TORCH_XTENSOR_SUBFOLDERS. Asking the preprocessor is only the fallback: with two xtensors on the include
// path, a header name that exists in just one of them says nothing about which one comes first.
#pragma once

#include <xtensor-torch/compatibility/language.hpp>

#if !defined(XTENSOR_TORCH_XTENSOR_SUBFOLDERS)
#if __has_include(<xtensor/containers/xarray.hpp>)
#define XTENSOR_TORCH_XTENSOR_SUBFOLDERS 1
#else
#define XTENSOR_TORCH_XTENSOR_SUBFOLDERS 0
#endif
#endif

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xexpression_traits.hpp>
#include <xtensor/core/xtensor_config.hpp>
#else
#include <xtensor/xexpression_traits.hpp>
#include <xtensor/xtensor_config.hpp>
#endif

#if XTENSOR_VERSION_MAJOR == 0 && XTENSOR_VERSION_MINOR < 25
#include <xtensor/xstorage.hpp>
#include <xtensor/xutils.hpp>

#include <cstddef>
#include <type_traits>

// xtensor 0.24 tells the shape types std::array<T, N> and xt::svector<T, N, A, Init> apart by template template
// parameters, which newer compilers match more freely: in C++20 a shape of dynamic rank passes for one of rank 4, so
// that xt::eval(a + b) returns an xt::xtensor<T, 4>, and Clang finds two equally good specialisations. xtensor 0.25
// has the first of the specialisations below; all take effect where they are seen before xtensor's templates are used.
namespace xt {

namespace detail {

template <template <class, std::size_t, class, bool> class S, class T, std::size_t N, class A, bool Init>
struct xtype_for_shape<S<T, N, A, Init>> {
    template <class V, layout_type L>
    using type = xarray<V, L>;
};

}  // namespace detail

#if defined(__clang__)
template <>
struct rebind_container<std::ptrdiff_t, dynamic_shape<std::size_t>> {
    using type = dynamic_shape<std::ptrdiff_t>;
};

template <>
struct rebind_container<std::size_t, dynamic_shape<std::ptrdiff_t>> {
    using type = dynamic_shape<std::size_t>;
};
#endif

}  // namespace xt
#endif

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xbuffer_adaptor.hpp>
#include <xtensor/containers/xcontainer.hpp>
#include <xtensor/containers/xscalar.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/core/xassign.hpp>
#include <xtensor/core/xnoalias.hpp>
#include <xtensor/core/xoperation.hpp>
#include <xtensor/core/xsemantic.hpp>
#else
#include <xtensor/xarray.hpp>
#include <xtensor/xassign.hpp>
#include <xtensor/xbuffer_adaptor.hpp>
#include <xtensor/xcontainer.hpp>
#include <xtensor/xnoalias.hpp>
#include <xtensor/xoperation.hpp>
#include <xtensor/xscalar.hpp>
#include <xtensor/xsemantic.hpp>
#include <xtensor/xtensor.hpp>
#endif
