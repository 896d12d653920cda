// The C library of Linux has its functions for vectors of numbers, too. GCC calls those by itself; this file calls them
// where Clang compiles, for blocks of numbers. The ABI of vector functions names them by their instructions, number of
// lanes, and scalar function.
#pragma once

#include <xtensor-torch/evaluation/instructions.hpp>

#include <algorithm>
#include <cstddef>

namespace xtt::detail {

template <std::size_t Lanes, class T>
struct lanes_of {
    typedef T type __attribute__((vector_size(Lanes * sizeof(T)), aligned(sizeof(T)), may_alias));
};

// So many numbers in memory.
template <std::size_t Lanes, class T>
typename lanes_of<Lanes, T>::type& lanes_at(T* address) {
    return *reinterpret_cast<typename lanes_of<Lanes, T>::type*>(address);
}

// A function for vectors of 16, 32 and 64 bytes. Vectors are passed in registers where there are such, so that each of
// these is called by a function that is compiled for its instructions.
template <class T, auto By16, auto By32, auto By64>
struct block_calls {
    static constexpr std::ptrdiff_t lanes = 16 / sizeof(T);

    template <class... Y>
    static void compute_16(T* x, std::ptrdiff_t size, Y*... y) {
        for (std::ptrdiff_t i = 0; i < size; i += lanes) {
            lanes_at<lanes>(x + i) = By16(lanes_at<lanes>(x + i), lanes_at<lanes>(y + i)...);
        }
    }

    template <class... Y>
    [[gnu::target("avx2,fma")]] static void compute_32(T* x, std::ptrdiff_t size, Y*... y) {
        for (std::ptrdiff_t i = 0; i < size; i += 2 * lanes) {
            lanes_at<2 * lanes>(x + i) = By32(lanes_at<2 * lanes>(x + i), lanes_at<2 * lanes>(y + i)...);
        }
    }

    template <class... Y>
    [[gnu::target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]] static void compute_64(T* x, std::ptrdiff_t size,
                                                                                          Y*... y) {
        for (std::ptrdiff_t i = 0; i < size; i += 4 * lanes) {
            lanes_at<4 * lanes>(x + i) = By64(lanes_at<4 * lanes>(x + i), lanes_at<4 * lanes>(y + i)...);
        }
    }

    /// Replaces each x[i] by the function of it, and of y[i] where it has two arguments. There are as many as fill
    /// vectors of 16 bytes.
    template <class... Y>
    static void compute(T* x, std::ptrdiff_t size, Y*... y) {
#if defined(__AVX512F__)
        constexpr instructions available = instructions::avx512;
#elif defined(__AVX2__)
        const instructions available = std::max(available_instructions, instructions::avx2);
#else
        const instructions available = available_instructions;
#endif
        if (available == instructions::avx512 && size % (4 * lanes) == 0) {
            compute_64(x, size, y...);
        } else if (available != instructions::as_compiled && size % (2 * lanes) == 0) {
            compute_32(x, size, y...);
        } else {
            compute_16(x, size, y...);
        }
    }
};

// What makes a functor one that computes blocks.
template <class Floats, class Doubles>
struct block_function {
    template <class... Y>
    static void compute(float* x, std::ptrdiff_t size, Y*... y) {
        Floats::compute(x, size, y...);
    }

    template <class... Y>
    static void compute(double* x, std::ptrdiff_t size, Y*... y) {
        Doubles::compute(x, size, y...);
    }
};

}  // namespace xtt::detail

// What stands beside the declarations; the letters are "v" for each argument.
#define XTENSOR_TORCH_BLOCK_FUNCTION(NAME, LETTERS)                                                                   \
    struct vector_##NAME                                                                                              \
        : xt::math::NAME##_fun,                                                                                       \
          vector_function,                                                                                            \
          block_function<                                                                                             \
              block_calls<float, _ZGVbN4##LETTERS##_##NAME##f, _ZGVdN8##LETTERS##_##NAME##f,                          \
                          _ZGVeN16##LETTERS##_##NAME##f>,                                                             \
              block_calls<double, _ZGVbN2##LETTERS##_##NAME, _ZGVdN4##LETTERS##_##NAME, _ZGVeN8##LETTERS##_##NAME>> { \
    };                                                                                                                \
    template <>                                                                                                       \
    struct vector_form<xt::math::NAME##_fun> {                                                                        \
        using type = vector_##NAME;                                                                                   \
    };

#define XTENSOR_TORCH_VECTOR_FUNCTION(NAME) \
    extern "C" {                            \
    float_4 _ZGVbN4v_##NAME##f(float_4);    \
    float_8 _ZGVdN8v_##NAME##f(float_8);    \
    float_16 _ZGVeN16v_##NAME##f(float_16); \
    double_2 _ZGVbN2v_##NAME(double_2);     \
    double_4 _ZGVdN4v_##NAME(double_4);     \
    double_8 _ZGVeN8v_##NAME(double_8);     \
    }                                       \
    XTENSOR_TORCH_BLOCK_FUNCTION(NAME, v)

#define XTENSOR_TORCH_VECTOR_FUNCTION_OF_TWO(NAME)     \
    extern "C" {                                       \
    float_4 _ZGVbN4vv_##NAME##f(float_4, float_4);     \
    float_8 _ZGVdN8vv_##NAME##f(float_8, float_8);     \
    float_16 _ZGVeN16vv_##NAME##f(float_16, float_16); \
    double_2 _ZGVbN2vv_##NAME(double_2, double_2);     \
    double_4 _ZGVdN4vv_##NAME(double_4, double_4);     \
    double_8 _ZGVeN8vv_##NAME(double_8, double_8);     \
    }                                                  \
    XTENSOR_TORCH_BLOCK_FUNCTION(NAME, vv)
