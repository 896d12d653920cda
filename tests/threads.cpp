// Many threads at once: views that are made, read and dropped, assignments in LibTorch's pools and beside them, and
// views of one storage that have no element in common.
#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/ops/full_like.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

using namespace testing;

namespace {

constexpr int thread_count = 8;

// All threads begin together; what they return is added up.
int sum_over_threads(const std::function<int(int)>& work) {
    std::atomic<int> sum{0};
    std::atomic<int> waiting{thread_count};
    std::vector<std::thread> threads;
    for (int id = 0; id < thread_count; ++id) {
        threads.emplace_back([&, id] {
            --waiting;
            while (waiting > 0) {
                std::this_thread::yield();
            }
            sum += work(id);
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    return sum;
}

TEST_CASE("views of one tensor are made, read and dropped from many threads at once") {
    at::Tensor tensor = counting({16, 16});
    const auto holders = tensor.storage().use_count();
    const int wrong = sum_over_threads([&](int id) {
        int errors = 0;
        for (int round = 0; round < 500; ++round) {
            const auto view = xtt::view<const float, 2>(tensor);
            const auto second = view;
            const auto transposed = xtt::view<const float>(tensor.t());
            errors += view(1, 2) == 18.0f && second(15, 15) == 255.0f && transposed(2, 1) == 18.0f ? 0 : 1;
            if (round % 50 == id) {
                errors += xt::sum(view)() == 32640.0f ? 0 : 1;
            }
        }
        return errors;
    });
    CHECK(wrong == 0);
    CHECK(tensor.storage().use_count() == holders);
    CHECK(tensor.use_count() == 1);
}

TEST_CASE("the first views of one storage may be made at once") {
    for (int round = 0; round < 50; ++round) {
        at::Tensor tensor = counting({4});
        CHECK(sum_over_threads([&](int) { return xtt::view<const float, 1>(tensor)(3) == 3.0f ? 0 : 1; }) == 0);
        CHECK_FALSE(tensor.storage().resizable());
    }
}

TEST_CASE("the handles of one view are copied and dropped from many threads at once") {
    at::Tensor tensor = counting({8});
    auto view = std::make_shared<const xtt::tensor_view<float, 1>>(xtt::view<float, 1>(tensor));
    tensor.reset();
    const int wrong = sum_over_threads([view](int) {
        int errors = 0;
        for (int round = 0; round < 1000; ++round) {
            const xtt::tensor_view<float, 1> handle = *view;
            errors += handle(7) == 7.0f ? 0 : 1;
        }
        return errors;
    });
    CHECK(wrong == 0);
    CHECK((*view)(7) == 7.0f);
}

TEST_CASE("threads assign to disjoint views of one storage") {
    constexpr std::int64_t rows = 64, columns = 100;
    at::Tensor tensor = at::zeros({rows * thread_count, columns});
    const int wrong = sum_over_threads([&](int id) {
        at::Tensor part = tensor.slice(0, rows * id, rows * (id + 1));
        auto view = xtt::view<float, 2>(part);
        for (int round = 0; round < 20; ++round) {
            view = static_cast<float>(id);
            view += 1.0f;
            view = 2.0f * view;
        }
        return view(rows - 1, columns - 1) == 2.0f * static_cast<float>(id + 1) ? 0 : 1;
    });
    CHECK(wrong == 0);
    for (int id = 0; id < thread_count; ++id) {
        const at::Tensor part = tensor.slice(0, rows * id, rows * (id + 1));
        CHECK(at::equal(part, at::full_like(part, 2.0 * (id + 1))));
    }
}

TEST_CASE("threads assign to interleaved views of one storage") {
    at::Tensor tensor = at::zeros({100, thread_count});
    sum_over_threads([&](int id) {
        at::Tensor column = tensor.select(1, id);
        auto view = xtt::view<float, 1>(column);
        for (int round = 0; round < 100; ++round) {
            view = xt::arange<float>(100) + static_cast<float>(id);
        }
        return 0;
    });
    CHECK(at::equal(tensor, counting({100}).unsqueeze(1) + counting({thread_count})));
}

// Expressions of views, large enough to be shared out where evaluation is shared out.
bool evaluates_right(std::int64_t size, float shift) {
    const at::Tensor a = counting({size});
    const at::Tensor b = at::ones({size});
    at::Tensor out = at::zeros({size});
    auto view = xtt::view<float, 1>(out);
    view = 2.0f * xtt::view<const float, 1>(a) + xtt::view<const float, 1>(b) + shift;
    const at::Tensor copied = xtt::copy(view - shift);
    return at::equal(out, a * 2 + b + shift) && at::equal(copied, out - shift);
}

TEST_CASE("expressions are evaluated outside and inside at::parallel_for") {
    CHECK(evaluates_right(300'000, 1.0f));
    std::atomic<int> wrong{0};
    at::parallel_for(0, 64, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            wrong += evaluates_right(20'000, static_cast<float>(i)) ? 0 : 1;
        }
    });
    CHECK(wrong == 0);
    CHECK(evaluates_right(300'000, 2.0f));
}

// at::parallel_for is compiled here, and is serial without OpenMP; a TensorIterator's loop is compiled in LibTorch.
TEST_CASE("expressions are evaluated inside a loop on LibTorch's pool of threads") {
    std::atomic<int> wrong{0};
    std::atomic<int> done{0};
    at::Tensor grid = at::zeros({64});
    auto iterator =
        at::TensorIteratorConfig().check_all_same_dtype(false).resize_outputs(false).add_output(grid).build();
    iterator.for_each(
        [&](char**, const std::int64_t*, std::int64_t count) {
            for (std::int64_t i = 0; i < count; ++i) {
                wrong += evaluates_right(20'000, static_cast<float>(done++)) ? 0 : 1;
            }
        },
        /*grain_size=*/1);
    CHECK(wrong == 0);
    CHECK(done == 64);
}

TEST_CASE("expressions are evaluated on LibTorch's pool of tasks") {
    constexpr int tasks = 16;
    std::mutex mutex;
    std::condition_variable changed;
    int done = 0;
    int wrong = 0;
    for (int task = 0; task < tasks; ++task) {
        at::launch([&, task] {
            const bool right = evaluates_right(50'000, static_cast<float>(task));
            const std::lock_guard lock(mutex);
            ++done;
            wrong += right ? 0 : 1;
            changed.notify_all();
        });
    }
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done == tasks; });
    CHECK(wrong == 0);
}

TEST_CASE("expressions are evaluated on many threads at once") {
    CHECK(sum_over_threads([](int id) {
              int wrong = 0;
              for (int round = 0; round < 5; ++round) {
                  wrong += evaluates_right(40'000, static_cast<float>(id)) ? 0 : 1;
              }
              return wrong;
          }) == 0);
}

TEST_CASE("a view made on one thread is written, and dropped, on another") {
    for (int round = 0; round < 100; ++round) {
        at::Tensor tensor = counting({32});
        const auto holders = tensor.storage().use_count();
        auto view = std::make_unique<xtt::tensor_view<float, 1>>(xtt::view<float, 1>(tensor));
        std::thread other([&] {
            *view += 1.0f;
            view.reset();
        });
        other.join();
        CHECK(tensor[31].item<float>() == 32.0f);
        CHECK(tensor.storage().use_count() == holders);
    }
}

}  // namespace
