// Every verb of the library in one include. Each header below can also be included alone.
#pragma once

#include <xtensor-torch/adopt.hpp>
#include <xtensor-torch/allocator.hpp>
#include <xtensor-torch/borrow.hpp>
#include <xtensor-torch/concepts.hpp>
#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/dtype.hpp>
#include <xtensor-torch/purity.hpp>
#include <xtensor-torch/shared_container.hpp>
#include <xtensor-torch/to_device.hpp>
#include <xtensor-torch/to_host.hpp>
#include <xtensor-torch/version.hpp>
#include <xtensor-torch/view.hpp>
#include <xtensor-torch/visit.hpp>
