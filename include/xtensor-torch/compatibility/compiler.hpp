// What C++ leaves to compilers and each spells in its own way, under one name.
#pragma once

// Before a function that ends in an exception: it stays out of the code that seldom calls it.
#if defined(__GNUC__)
#define XTENSOR_TORCH_COLD [[gnu::cold, gnu::noinline]]
#define XTENSOR_TORCH_NOINLINE [[gnu::noinline]]
#define XTENSOR_TORCH_ALWAYS_INLINE [[gnu::always_inline]]
// Between the parameters and the body of a lambda.
#define XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA __attribute__((always_inline))
#elif defined(_MSC_VER)
#define XTENSOR_TORCH_COLD __declspec(noinline)
#define XTENSOR_TORCH_NOINLINE __declspec(noinline)
#define XTENSOR_TORCH_ALWAYS_INLINE __forceinline
#define XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA
#else
#define XTENSOR_TORCH_COLD
#define XTENSOR_TORCH_NOINLINE
#define XTENSOR_TORCH_ALWAYS_INLINE
#define XTENSOR_TORCH_ALWAYS_INLINE_LAMBDA
#endif

// Where functions may be compiled for instructions that not every processor has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__CUDACC__)
#define XTENSOR_TORCH_HAS_TARGETS 1
#endif

// Before a member that needs no room where its type is empty. On Windows the standard's name is ignored; for ARM, GCC
// says at every call that it once passed such structures otherwise.
#if defined(_MSC_VER)
#define XTENSOR_TORCH_NO_UNIQUE_ADDRESS [[msvc::no_unique_address]]
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__clang__)
#define XTENSOR_TORCH_NO_UNIQUE_ADDRESS
#else
#define XTENSOR_TORCH_NO_UNIQUE_ADDRESS [[no_unique_address]]
#endif

// Before a loop of which no iteration reads what another writes, so that it may become vectors without a test.
#if defined(__clang__)
#define XTENSOR_TORCH_INDEPENDENT_ITERATIONS _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define XTENSOR_TORCH_INDEPENDENT_ITERATIONS _Pragma("GCC ivdep")
#elif defined(_MSC_VER)
#define XTENSOR_TORCH_INDEPENDENT_ITERATIONS __pragma(loop(ivdep))
#else
#define XTENSOR_TORCH_INDEPENDENT_ITERATIONS
#endif

// Around functions with such loops, and those that they end up in. Clang warns where it cannot make vectors of a loop,
// and functors need not have a vector form; which of the functions it names depends on its version.
#if defined(__clang__)
#define XTENSOR_TORCH_VECTOR_LOOPS_BEGIN \
    _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wpass-failed\"")
#define XTENSOR_TORCH_VECTOR_LOOPS_END _Pragma("clang diagnostic pop")
#else
#define XTENSOR_TORCH_VECTOR_LOOPS_BEGIN
#define XTENSOR_TORCH_VECTOR_LOOPS_END
#endif

// Before a loop that compilers would unroll before they think of vectors.
#if defined(__clang__)
#define XTENSOR_TORCH_NO_UNROLLING _Pragma("clang loop unroll(disable)")
#elif defined(__GNUC__)
#define XTENSOR_TORCH_NO_UNROLLING _Pragma("GCC unroll 1")
#else
#define XTENSOR_TORCH_NO_UNROLLING
#endif

// In the body of a loop that must not become vectors.
#if defined(__GNUC__)
#define XTENSOR_TORCH_ONE_BY_ONE __asm__ volatile("")
#else
#define XTENSOR_TORCH_ONE_BY_ONE static_cast<void>(0)
#endif

// Before a loop whose bounds are constants, so that no loop is left of it.
#if defined(__GNUC__)
#define XTENSOR_TORCH_UNROLLED _Pragma("GCC unroll 32")
#else
#define XTENSOR_TORCH_UNROLLED
#endif

// Before a loop whose iterations do little.
#if defined(__GNUC__)
#define XTENSOR_TORCH_UNROLLED_BY_4 _Pragma("GCC unroll 4")
#else
#define XTENSOR_TORCH_UNROLLED_BY_4
#endif
