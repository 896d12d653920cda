// What every page shows first: its own blocks add what else they include. A page shows <torch/torch.h>; the lighter
// headers here have all that the blocks use of it.
#pragma once

#include <torch/library.h>
#include <torch/types.h>

#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <iostream>
#include <string>

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
