// LibTorch's kernels ask the processor what it can do when they run; a header is compiled for the least of the
// processors that its user names. This file asks as LibTorch does, and compiles the innermost loops for several.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>

#include <c10/macros/Macros.h>

#include <cstddef>
#include <string>

#if defined(XTENSOR_TORCH_HAS_TARGETS) && !defined(__AVX512F__)
#define XTENSOR_TORCH_HAS_AVX512_LOOPS 1
#if !defined(__AVX2__)
#define XTENSOR_TORCH_HAS_AVX2_LOOPS 1
#endif
#endif

// At -O2 GCC makes vectors of hardly any loop. Of these it does as at -O3, whatever the file is compiled with.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#define XTENSOR_TORCH_VECTORIZED                                                                               \
    [[gnu::optimize("tree-vectorize", "vect-cost-model=dynamic", "peel-loops", "no-version-loops-for-strides", \
                    "no-unswitch-loops")]]
#else
#define XTENSOR_TORCH_VECTORIZED
#endif

namespace at {

// As <ATen/Version.h> declares it, with much else.
TORCH_API std::string get_cpu_capability();

}  // namespace at

namespace xtt::detail {

// The vector registers of the machine that is compiled for; none where the compiler has no vectors to write down, as
// nvcc's front end and cl.
#if defined(__CUDACC__) || !defined(__GNUC__)
inline constexpr std::size_t register_bytes = 0;
#elif defined(__AVX__)
inline constexpr std::size_t register_bytes = 32;
#else
inline constexpr std::size_t register_bytes = 16;
#endif

// The bytes that move between memory and caches together.
inline constexpr std::size_t cache_line = 64;

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

XTENSOR_TORCH_VECTOR_LOOPS_BEGIN

template <class Loop, class... Arguments>
XTENSOR_TORCH_VECTORIZED XTENSOR_TORCH_NOINLINE void run_as_compiled(Arguments... arguments) {
    Loop::run(arguments...);
}

#if defined(XTENSOR_TORCH_HAS_AVX2_LOOPS)
template <class Loop, class... Arguments>
XTENSOR_TORCH_VECTORIZED [[gnu::noinline, gnu::target("avx2,fma")]] void run_by_avx2(Arguments... arguments) {
    Loop::run(arguments...);
}
#endif

#if defined(XTENSOR_TORCH_HAS_AVX512_LOOPS)
template <class Loop, class... Arguments>
XTENSOR_TORCH_VECTORIZED [[gnu::noinline, gnu::target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]] void
run_by_avx512(Arguments... arguments) {
    Loop::run(arguments...);
}
#endif

XTENSOR_TORCH_VECTOR_LOOPS_END

/// `Loop::run` as a function that is compiled for the best of these instructions, up to `Best`. `run`, and what it
/// calls up to the innermost loop, must be always inline: only then is that loop compiled for them.
template <class Loop, instructions Best, class... Arguments>
auto vector_function_of() -> void (*)(Arguments...) {
#if defined(XTENSOR_TORCH_HAS_AVX512_LOOPS)
    if constexpr (Best == instructions::avx512) {
        if (available_instructions == instructions::avx512) {
            return &run_by_avx512<Loop, Arguments...>;
        }
    }
#endif
#if defined(XTENSOR_TORCH_HAS_AVX2_LOOPS)
    if (available_instructions != instructions::as_compiled) {
        return &run_by_avx2<Loop, Arguments...>;
    }
#endif
    return &run_as_compiled<Loop, Arguments...>;
}

/// Calls `Loop::run(arguments...)` in that function.
template <class Loop, instructions Best = instructions::avx512, class... Arguments>
void run_in_vectors(const Arguments&... arguments) {
    vector_function_of<Loop, Best, Arguments...>()(arguments...);
}

/// Calls `Loop<Bytes>::run(arguments...)`, for a loop that spells its vectors out, with as many bytes as the registers
/// of these instructions have, of AVX2 at most.
template <template <std::size_t> class Loop, class... Arguments>
void run_in_registers(const Arguments&... arguments) {
#if defined(XTENSOR_TORCH_HAS_AVX2_LOOPS)
    if (available_instructions != instructions::as_compiled) {
        return run_by_avx2<Loop<32>, Arguments...>(arguments...);
    }
#endif
    run_as_compiled<Loop<register_bytes>, Arguments...>(arguments...);
}

}  // namespace xtt::detail
