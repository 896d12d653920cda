// LibTorch's headers of autograd need three of its 2,000 operators and include them all, unless a macro of LibTorch's
// own build is set. This file includes them with it: a file with one operator compiles in two thirds of the time, with
// debug information in half. The macro chooses what is included and changes no definition.
#pragma once

#pragma push_macro("AT_PER_OPERATOR_HEADERS")
#undef AT_PER_OPERATOR_HEADERS
#define AT_PER_OPERATOR_HEADERS

#include <ATen/ExpandUtils.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#pragma pop_macro("AT_PER_OPERATOR_HEADERS")
