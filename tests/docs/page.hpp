// What the blocks of a page start from. A page shows <torch/torch.h>; the lighter header below has all that the blocks
// use of it. The headers of xtensor are those that page quickstart names.
#pragma once

#include <torch/library.h>
#include <torch/types.h>

#include <xtensor-torch/format.hpp>
#include <xtensor-torch/op.hpp>
#include <xtensor-torch/xtensor-torch.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xfixed.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/generators/xbuilder.hpp>
#include <xtensor/io/xio.hpp>
#include <xtensor/io/xnpy.hpp>
#include <xtensor/misc/xsort.hpp>
#include <xtensor/views/xindex_view.hpp>
#include <xtensor/views/xstrided_view.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xindex_view.hpp>
#include <xtensor/xio.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xnpy.hpp>
#include <xtensor/xsort.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xview.hpp>
#endif

#include <algorithm>
#include <iostream>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace docs {

/// One page: its name, and a function that runs all of its blocks.
struct page {
    page(const char* name, void (*run)());
};

/// Runs the blocks of a page; what a program returns.
int run(const std::string& name);

/// Says that the output of a block follows.
void begin(int block);

/// Whether the machine has what a block needs; says that the block is skipped where it has not.
bool has(const std::string& what, int block);

/// Calls `block`, which throws, and prints the exception as the pages do: its type and its message.
void print_exception(void (*block)(void*), void* context);

template <class Block>
void print_exception(Block block) {
    print_exception([](void* context) { (*static_cast<Block*>(context))(); }, &block);
}

}  // namespace docs
