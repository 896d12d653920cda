// What the compiler must offer, said in one sentence before LibTorch's and xtensor's headers say it in hundreds.
#pragma once

#if defined(_MSVC_LANG) ? _MSVC_LANG < 202002L : __cplusplus < 202002L
#error "xtensor-torch needs C++20: compile with -std=c++20 or newer"
#endif

#if !defined(__cpp_exceptions) && !defined(_CPPUNWIND)
#error "xtensor-torch reports mistakes by exceptions, as LibTorch does: compile without -fno-exceptions"
#endif
