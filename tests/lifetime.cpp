// Who keeps what alive, and what is left behind: every order of destruction, buffers that are freed once, cycles that
// leave the memory flat, calls that fail, and memory that runs out in the middle of a call.
#include "support/sanitized.hpp"
#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#include <ATen/ops/from_blob.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <vector>

using namespace testing;

namespace {

// The allocations of operator new on this thread: how many are left until one fails, and how many are not freed.
struct allocations {
    std::int64_t until_failure = -1;
    std::int64_t live = 0;
};
thread_local allocations here;

[[maybe_unused]] void* allocate(std::size_t bytes) {
    if (here.until_failure == 0) {
        throw std::bad_alloc();
    }
    here.until_failure -= here.until_failure > 0 ? 1 : 0;
    void* memory = std::malloc(std::max<std::size_t>(bytes, 1));
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    ++here.live;
    return memory;
}

[[maybe_unused]] void release(void* memory) noexcept {
    here.live -= memory != nullptr ? 1 : 0;
    std::free(memory);
}

}  // namespace

#if !HAS_SANITIZER_ALLOCATOR
void* operator new(std::size_t bytes) { return allocate(bytes); }
void* operator new[](std::size_t bytes) { return allocate(bytes); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
#endif

namespace {

std::atomic<int> freed{0};

// Counts the buffers that it frees.
template <class T>
struct counting_allocator {
    using value_type = T;
    counting_allocator() = default;
    template <class U>
    counting_allocator(const counting_allocator<U>&) {}
    T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
    void deallocate(T* memory, std::size_t count) {
        ++freed;
        std::allocator<T>().deallocate(memory, count);
    }
    template <class U>
    bool operator==(const counting_allocator<U>&) const {
        return true;
    }
};
using counted = xt::xtensor<float, 2, xt::layout_type::row_major, counting_allocator<float>>;

counted make_counted() { return counted{{0, 1, 2}, {3, 4, 5}}; }

std::shared_ptr<xtt::shared_tensor<float, 2>> make_shared_counted() {
    using shared = xtt::shared_tensor<float, 2>;
    return {new shared{{0, 1, 2}, {3, 4, 5}}, [](shared* container) { ++freed, delete container; }};
}

at::Tensor make_blob() {
    auto* memory = new float[6]{0, 1, 2, 3, 4, 5};
    return at::from_blob(memory, {2, 3}, [](void* held) { ++freed, delete[] static_cast<float*>(held); }, at::kFloat);
}

// What can hold one storage: the tensor, a slice of it, a view, a second handle, a view of the slice, a tensor borrowed
// from the view, a read-only view.
struct holders {
    explicit holders(at::Tensor made)
        : tensor(std::move(made)),
          slice(tensor->slice(1, 1, 3)),
          view(xtt::view<float, 2>(*tensor)),
          second(*view),
          view_of_slice(xtt::view<float>(*slice)),
          borrowed(xtt::borrow(*view)),
          read_only(xtt::view<const float, 2>(*tensor)) {}

    static constexpr std::size_t count = 7;

    void drop(std::size_t which) {
        const std::array<std::function<void()>, count> drops{
            [this] { tensor.reset(); },   [this] { slice.reset(); },         [this] { view.reset(); },
            [this] { second.reset(); },   [this] { view_of_slice.reset(); }, [this] { borrowed.reset(); },
            [this] { read_only.reset(); }};
        drops[which]();
    }

    bool all_read_right() const {
        return (!tensor || (*tensor)[1][2].item<float>() == 5.0f) && (!slice || (*slice)[0][0].item<float>() == 1.0f) &&
               (!view || (*view)(1, 2) == 5.0f) && (!second || (*second)(1, 1) == 4.0f) &&
               (!view_of_slice || (*view_of_slice)(1, 1) == 5.0f) &&
               (!borrowed || (*borrowed)[0][2].item<float>() == 2.0f) && (!read_only || (*read_only)(1, 0) == 3.0f);
    }

    std::optional<at::Tensor> tensor, slice;
    std::optional<xtt::tensor_view<float, 2>> view, second;
    std::optional<xtt::tensor_view<float>> view_of_slice;
    std::optional<at::Tensor> borrowed;
    std::optional<xtt::tensor_view<const float, 2>> read_only;
};

TEST_CASE("a storage lives until its last holder goes, in every order of destruction, and is freed once") {
    const std::array<std::function<at::Tensor()>, 3> makers{make_blob, [] { return xtt::adopt(make_counted()); },
                                                            [] { return xtt::adopt(make_shared_counted()); }};
    std::array<std::size_t, holders::count> order{};
    std::iota(order.begin(), order.end(), std::size_t{0});
    int orders = 0;
    bool right = true;
    do {
        for (const auto& make : makers) {
            freed = 0;
            holders all(make());
            for (std::size_t i = 0; i < order.size(); ++i) {
                right = right && freed == 0 && all.all_read_right();
                all.drop(order[i]);
            }
            right = right && freed == 1;
        }
        ++orders;
    } while (right && std::next_permutation(order.begin(), order.end()));
    CHECK(right);
    CHECK(orders == 5040);
}

TEST_CASE("an adopted buffer is freed once, on whichever thread its last holder goes") {
    freed = 0;
    constexpr int rounds = 200;
    for (int round = 0; round < rounds; ++round) {
        at::Tensor tensor = xtt::adopt(make_counted());
        auto view = std::make_unique<xtt::tensor_view<float, 2>>(xtt::view<float, 2>(tensor));
        std::thread first([moved = std::move(tensor)]() mutable { moved.reset(); });
        std::thread second([moved = std::move(view)]() mutable {
            const bool alive = (*moved)(1, 2) == 5.0f;
            moved.reset();
            if (!alive) {
                std::abort();
            }
        });
        first.join();
        second.join();
    }
    CHECK(freed == rounds);
}

TEST_CASE("100,000 cycles of every verb leave the memory flat") {
    at::Tensor tensor = counting({4, 4});
    xt::xtensor<float, 2> array = xt::ones<float>({4, 4});
    float sum = 0;
    const auto cycle = [&] {
        auto view = xtt::view<float>(tensor);
        const auto read_only = xtt::view<const float, 2>(tensor.t());
        const at::Tensor borrowed = xtt::borrow(array);
        auto part = xt::view(view, 1);
        const at::Tensor row = xtt::borrow(part);
        const at::Tensor adopted = xtt::adopt(xt::xtensor<float, 2>(array));
        const at::Tensor shared = xtt::adopt(std::make_shared<xtt::shared_array<float>>(array));
        const at::Tensor copied = xtt::copy(2.0f * array);
        const at::Tensor sent = xtt::to_device(array, at::kCPU);
        const auto fetched = xtt::to_host<float, 2>(tensor);
        sum += xtt::to_host_async<float, 2>(tensor).get()(0, 1) + fetched(0, 1) + view(0, 1) + read_only(1, 0);
        view = array;
        sum += xtt::visit<float, double>(tensor, [](auto& v) { return static_cast<float>(v(0, 0)); });
    };
    // What the C library has handed out, where it tells.
    const auto in_use = []() -> std::size_t {
#ifdef __GLIBC__
        const struct mallinfo2 state = mallinfo2();
        return state.uordblks + state.hblkhd;
#else
        return 0;
#endif
    };
    for (int i = 0; i < 100; ++i) {
        cycle();
    }
    const std::size_t before = in_use();
    const std::int64_t live = here.live;
    constexpr int cycles = 100'000;
    for (int i = 0; i < cycles; ++i) {
        cycle();
    }
    const std::size_t after = in_use();
    const std::int64_t left = here.live - live;
    CHECK(left == 0);
    // Aligned allocations leave some freed blocks in caches, which count as used: less than a byte a cycle.
    CHECK(after < before + cycles);
    CHECK(sum > 0);
}

TEST_CASE("1,000 conversions that fail leave every count of references as it was") {
    at::Tensor tensor = counting({2, 3});
    at::Tensor learnt = counting({2}).requires_grad_();
    const auto shared = std::make_shared<xtt::shared_array<double>>(xtt::shared_array<double>{1, 2, 3});
    xt::xarray<double> array = {1, 2, 3};
    auto flipped = xt::strided_view(array, {xt::range(2, xt::placeholders::_, -1)});
    const auto counts = [&] {
        return std::array{tensor.use_count(),           tensor.weak_use_count(),
                          tensor.storage().use_count(), learnt.use_count(),
                          learnt.storage().use_count(), static_cast<std::size_t>(shared.use_count())};
    };
    auto view = xtt::view<float, 2>(tensor);
    int failures = 0;
    const auto fails = [&](auto&& call) {
        try {
            call();
        } catch (const c10::Error&) {
            ++failures;
        }
    };
    const auto all_fail = [&] {
        fails([&] { xtt::view<double>(tensor); });
        fails([&] { xtt::view<float, 1>(tensor); });
        fails([&] { xtt::view<float, 2, xt::layout_type::column_major>(tensor); });
        fails([&] { xtt::view<float>(tensor.unsqueeze(0).expand({2, 2, 3})); });
        fails([&] { xtt::view<float>(learnt); });
        fails([&] { xtt::to_host<double>(tensor); });
        fails([&] { (void)xtt::to_host_async<float, 1>(tensor); });
        fails([&] { xtt::visit<double, int>(tensor, [](auto&) {}); });
        fails([&] { xtt::borrow(flipped); });
        fails([&] { xtt::adopt(std::shared_ptr<xtt::shared_array<double>>()); });
        fails([&] { xtt::to_device(array, at::kMeta); });
        fails([&] { xtt::copy(array, at::TensorOptions().layout(at::kSparse)); });
        fails([&] { view = xt::xtensor<float, 2>{{1, 2}}; });
    };
    all_fail();  // what is made once and kept
    const auto version = tensor._version();
    const auto before = counts();
    const std::int64_t live = here.live;
    for (int i = 1; i < 1000; ++i) {
        all_fail();
    }
    const std::int64_t left = here.live - live;
    CHECK(failures == 13 * 1000);
    CHECK(counts() == before);
    CHECK(left == 0);
    CHECK(tensor._version() == version);
    CHECK(at::equal(tensor, counting({2, 3})));
    CHECK((*shared == xt::xarray<double>{1, 2, 3}));
}

// Runs the call with the first, the second, … allocation failing, until it succeeds, and returns how many failed.
// After each failure nothing more is allocated than before, and `unchanged` must hold.
template <class Call, class Unchanged>
int fail_every_allocation(Call&& call, Unchanged&& unchanged) {
    call();  // what is made once and kept
    for (int failing = 0;; ++failing) {
        const std::int64_t live = here.live;
        bool failed = false;
        here.until_failure = failing;
        try {
            call();
        } catch (const std::bad_alloc&) {
            failed = true;
        }
        here.until_failure = -1;
        const std::int64_t left = here.live - live;
        REQUIRE(left == 0);
        REQUIRE(unchanged());
        if (!failed) {
            return failing;
        }
    }
}

TEST_CASE("where memory runs out, the source and the destination are as they were, and nothing is lost") {
    if (HAS_SANITIZER_ALLOCATOR) {
        std::puts("skipped: allocations cannot be made to fail under a sanitizer");
        SUCCEED("allocations cannot be made to fail");
        return;
    }
    at::Tensor tensor = counting({2, 3});
    xt::xarray<float> array = {{0, 1, 2}, {3, 4, 5}};
    const xt::xarray<float> expected = array;
    const auto holders_before = tensor.storage().use_count();
    const auto unchanged = [&] {
        return array == expected && at::equal(tensor, counting({2, 3})) &&
               tensor.storage().use_count() == holders_before;
    };
    CHECK(fail_every_allocation([&] { xtt::view<float>(tensor); }, unchanged) >= 0);
    CHECK(fail_every_allocation([&] { xtt::borrow(array); }, unchanged) > 0);
    CHECK(fail_every_allocation([&] { xtt::copy(array + 1.0f); }, unchanged) > 0);
    CHECK(fail_every_allocation([&] { xtt::to_host<float>(tensor); }, unchanged) > 0);
    CHECK(fail_every_allocation([&] { xtt::adopt(std::make_shared<xtt::shared_array<float>>(expected)); }, unchanged) >
          0);

    // A container that could not be adopted is still whole, in its old place or in the new one that was not reached.
    bool whole = true;
    CHECK(fail_every_allocation(
              [&] {
                  xt::xarray<float> given = expected;
                  try {
                      xtt::adopt(std::move(given));
                  } catch (...) {
                      whole = whole && (given == expected || given.size() == 0);
                      throw;
                  }
              },
              unchanged) > 0);
    CHECK(whole);
}

TEST_CASE("an assignment without memory for its temporary writes nothing") {
    // With xsimd, containers have an allocator of their own.
    if (HAS_SANITIZER_ALLOCATOR || !std::is_same_v<xt::xarray<float>::allocator_type, std::allocator<float>>) {
        std::puts("skipped: the container's memory does not come from operator new, which is made to fail");
        SUCCEED("allocations cannot be made to fail");
        return;
    }
    at::Tensor square = counting({3, 3});
    const at::Tensor transposed = square.t().contiguous();
    auto view = xtt::view<float, 2>(square);
    here.until_failure = 0;
    CHECK_THROWS_AS(view = xt::transpose(view), std::bad_alloc);
    here.until_failure = -1;
    CHECK(at::equal(square, counting({3, 3})));
    view = xt::transpose(view);
    CHECK(at::equal(square, transposed));
}

struct thrown_by_functor : std::runtime_error {
    using std::runtime_error::runtime_error;
};

TEST_CASE("a functor that throws is heard, its sources are as they were, and nothing is lost") {
    at::Tensor source = counting({4, 5});
    at::Tensor whole = at::full({6, 5}, -1.0f);
    at::Tensor target = whole.slice(0, 1, 5);
    const auto from = xtt::view<const float, 2>(source);
    auto to = xtt::view<float, 2>(target);
    for (int position = 0; position < 20; ++position) {
        const auto throwing = xt::make_lambda_xfunction(
            [position](float value) {
                if (value == static_cast<float>(position)) {
                    throw thrown_by_functor("at the element that was asked for");
                }
                return value + 100.0f;
            },
            from);
        const auto count = source.storage().use_count();
        const std::int64_t live = here.live;
        int heard = 0;
        const auto must_throw = [&](auto&& call) {
            try {
                call();
            } catch (const thrown_by_functor&) {
                ++heard;
            }
        };
        must_throw([&] { xtt::copy(throwing); });
        must_throw([&] { to = throwing; });
        must_throw([&] { to += throwing; });
        const std::int64_t left = here.live - live;
        CHECK(heard == 3);
        CHECK(left == 0);
        CHECK(source.storage().use_count() == count);
        CHECK(at::equal(source, counting({4, 5})));
        // The assignment is one pass: elements before the throw may be new, none is anything else.
        for (std::size_t i = 0; i < to.size(); ++i) {
            const float value = static_cast<float>(i) + 100.0f;
            const float element = to.flat(i);
            CHECK((element == -1.0f || element == value || element == value - 1.0f || element == 2.0f * value));
        }
        CHECK(at::equal(whole[0], at::full({5}, -1.0f)));
        CHECK(at::equal(whole[5], at::full({5}, -1.0f)));
        whole.fill_(-1.0f);
    }
}

}  // namespace
