// What every test starts from. LibTorch and Catch2 both define CHECK: LibTorch's headers come first, its macro goes,
// Catch2's stays. Works with Catch2 2.13 and 3.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <xtensor-torch/compatibility/xtensor.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xfixed.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/core/xvectorize.hpp>
#include <xtensor/generators/xbuilder.hpp>
#include <xtensor/io/xio.hpp>
#include <xtensor/misc/xcomplex.hpp>
#include <xtensor/views/xindex_view.hpp>
#include <xtensor/views/xstrided_view.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xcomplex.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xindex_view.hpp>
#include <xtensor/xio.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xvectorize.hpp>
#include <xtensor/xview.hpp>
#endif

#undef CHECK
// Some builds of LibTorch bring Catch2 3's headers among their own, without its library: Catch2 2 is asked for first.
#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif

#include <string>
#include <typeinfo>

namespace testing {

/// Runs `call`, which must throw exactly `Exception`, and returns its message.
template <class Exception, class Call>
std::string message_of(Call&& call) {
    try {
        call();
    } catch (const Exception& error) {
        REQUIRE(typeid(error) == typeid(Exception));
        return error.what();
    }
    FAIL("no exception was thrown");
    return {};
}

/// One sentence or a few, without the stack trace that LibTorch's own macros append.
inline bool is_plain_sentence(const std::string& message) {
    return !message.empty() && message.back() == '.' && message.find('\n') == std::string::npos &&
           message.find("frame #") == std::string::npos;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// [0, 1, 2, …] as float in the given shape.
inline at::Tensor counting(at::IntArrayRef shape, at::ScalarType dtype = at::kFloat) {
    std::int64_t count = 1;
    for (const auto size : shape) {
        count *= size;
    }
    return at::arange(count, at::TensorOptions().dtype(dtype)).reshape(shape);
}

}  // namespace testing
