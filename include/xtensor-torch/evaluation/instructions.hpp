// LibTorch's kernels ask the processor what it can do when they run; a header is compiled for the least of the
// processors that its user names. This file asks as LibTorch does, so that the innermost loops can exist for several.
#pragma once

#include <c10/macros/Macros.h>

#include <string>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__CUDACC__) && !defined(__AVX512F__)
#define XTENSOR_TORCH_HAS_AVX512_LOOPS 1
#if !defined(__AVX2__)
#define XTENSOR_TORCH_HAS_AVX2_LOOPS 1
#endif
#endif

// At -O2 GCC makes vectors of hardly any loop. Of these it does as at -O3, whatever the file is compiled with.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#define XTENSOR_TORCH_VECTORIZED [[gnu::optimize("tree-vectorize", "vect-cost-model=dynamic")]]
#else
#define XTENSOR_TORCH_VECTORIZED
#endif

namespace at {

// As <ATen/Version.h> declares it, with much else.
TORCH_API std::string get_cpu_capability();

}  // namespace at

namespace xtt::detail {

enum class instructions : unsigned char { as_compiled, avx2, avx512 };

inline instructions find_instructions() noexcept {
    const std::string capability = at::get_cpu_capability();
    return capability == "AVX512" ? instructions::avx512
           : capability == "AVX2" ? instructions::avx2
                                  : instructions::as_compiled;
}

/// What the loops may use: the processor's best, or what ATEN_CPU_CAPABILITY in the environment lowers it to, for
/// LibTorch as well. Before the program's variables are initialised it is what was compiled for.
inline const instructions available_instructions = find_instructions();

}  // namespace xtt::detail
