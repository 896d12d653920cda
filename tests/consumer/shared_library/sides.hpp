// What the two shared libraries offer.
#pragma once

#include <xtensor-torch/xtensor-torch.hpp>

#define EXPORTED __attribute__((visibility("default")))

/// A view of a fresh tensor [[0, 1, 2], [3, 4, 5]], whose storage only the view holds.
EXPORTED xtt::tensor_view<float, 2> make_view();

/// A tensor over a container of three elements that was allocated in the library: 1, 2, 3.
EXPORTED at::Tensor make_adopted();

/// Throws what a view of float of a double tensor throws.
EXPORTED void view_wrongly();

/// Adds one to every element, and returns the sum.
EXPORTED float add_one_and_sum(xtt::tensor_view<float, 2>& view);

/// Lets the last holder go.
EXPORTED void drop(at::Tensor&& tensor);
