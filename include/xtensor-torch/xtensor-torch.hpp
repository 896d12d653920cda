// Every verb of the library in one include. Each header below can also be included alone.
#pragma once

#include <xtensor-torch/allocator.hpp>
#include <xtensor-torch/dtype.hpp>
#include <xtensor-torch/evaluate.hpp>
#include <xtensor-torch/host.hpp>
#include <xtensor-torch/purity.hpp>
#include <xtensor-torch/sharing.hpp>
#include <xtensor-torch/tensor.hpp>
#include <xtensor-torch/version.hpp>
#include <xtensor-torch/view.hpp>
#include <xtensor-torch/visit.hpp>
