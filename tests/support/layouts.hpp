// The ways in which a tensor's elements may lie.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <numeric>
#include <vector>

namespace testing {

/// The same values by rows, by columns, with the last two dimensions exchanged, and with holes between them. The tensor
/// is contiguous and has two dimensions or more.
inline std::vector<at::Tensor> layouts_of(const at::Tensor& values) {
    const std::int64_t last = values.dim() - 1;
    std::vector<std::int64_t> reversed(static_cast<std::size_t>(values.dim()));
    std::iota(reversed.rbegin(), reversed.rend(), 0);
    std::vector<std::int64_t> wider = values.sizes().vec();
    wider[static_cast<std::size_t>(last) - 1] *= 2;
    wider[static_cast<std::size_t>(last)] += 3;
    const at::Tensor with_holes =
        at::empty(wider, values.options()).slice(last - 1, 0, at::nullopt, 2).slice(last, 1, values.size(last) + 1);
    with_holes.copy_(values);
    return {values, values.permute(reversed).contiguous().permute(reversed),
            values.transpose(last, last - 1).contiguous().transpose(last, last - 1), with_holes};
}

}  // namespace testing
