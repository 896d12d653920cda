// at::parallel_for is a header: it runs on one thread unless the including program is compiled with OpenMP, and brings
// a pool of its own where it is. at::TensorIterator is compiled into LibTorch and loops on LibTorch's pool; this file
// borrows those threads for loops over anything.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/FunctionRef.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace xtt::detail {

// The iterator is given an array of bytes that nobody reads or writes. Where in the array it calls says which share
// of the work the call stands for.
inline constexpr std::ptrdiff_t work_shares = 1024;

inline const at::Tensor& work_ladder() {
    static std::array<std::uint8_t, work_shares> bytes{};
    static const at::Tensor ladder = at::from_blob(bytes.data(), {work_shares}, at::kByte);
    return ladder;
}

using range_body = c10::function_ref<void(std::ptrdiff_t first, std::ptrdiff_t last)>;

inline void run_on_pool(std::ptrdiff_t count, std::ptrdiff_t threads, range_body body) {
    const at::Tensor& ladder = work_ladder();
    auto iterator = at::TensorIteratorConfig()
                        .set_check_mem_overlap(false)
                        .check_all_same_dtype(false)
                        .resize_outputs(false)
                        .add_borrowed_output(ladder)
                        .build();
    const auto* foot = static_cast<const char*>(ladder.const_data_ptr());
    const auto item = [count](std::ptrdiff_t rung) {
        // In this order the product cannot overflow.
        return count / work_shares * rung + count % work_shares * rung / work_shares;
    };
    iterator.for_each(
        [&](char** data, const std::int64_t*, std::int64_t shares, std::int64_t) {
            const std::ptrdiff_t share = data[0] - foot;
            body(item(share), item(share + shares));
        },
        (work_shares + threads - 1) / threads);
}

// This many elements are worth a thread.
inline constexpr std::ptrdiff_t grain = 32768;

/// Calls `body(first, last)` for ranges that together are [0, count), on LibTorch's threads, where it leaves at least
/// `each` items for each; otherwise, and inside another parallel region, once for all. An exception thrown by a call
/// is thrown here, after all calls have ended.
template <class Body>
void parallel_for(std::ptrdiff_t count, std::ptrdiff_t each, const Body& body) {
    const std::ptrdiff_t threads = std::min<std::ptrdiff_t>(count / each, work_shares);
    if (threads < 2 || at::get_num_threads() < 2 || at::in_parallel_region()) {
        body(std::ptrdiff_t{0}, count);
    } else {
        run_on_pool(count, threads, body);
    }
}

}  // namespace xtt::detail
