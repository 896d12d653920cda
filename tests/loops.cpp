// The loops of the evaluator against LibTorch's own kernels: shapes that fill tiles and leave tails, operands in every
// order, stepped, flipped and broadcast, on one thread and on several.
#include "support/counted_allocations.hpp"
#include "support/random_tensors.hpp"
#include "support/sanitized.hpp"
#include "support/testing.hpp"

#include <xtensor-torch/allocator.hpp>
#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/Parallel.h>
#include <ATen/ops/div.h>
#include <ATen/ops/randint.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace testing;

// Functors that are called as pure ones are: what they do is seen through globals.
namespace functors {

std::mutex seen_mutex;
std::set<std::thread::id> seen_threads;
std::atomic<int> calls{0};

struct watched {
    float operator()(float x) const {
        if (++calls % 1000 == 0) {
            const std::lock_guard lock(seen_mutex);
            seen_threads.insert(std::this_thread::get_id());
        }
        return x + 1;
    }
};

struct refusing {
    float operator()(float x) const { return x == 17.0f ? throw std::domain_error("17 is not wanted") : x; }
};

}  // namespace functors

template <>
inline constexpr bool xtt::is_pure_v<functors::watched> = true;
template <>
inline constexpr bool xtt::is_pure_v<functors::refusing> = true;

namespace {

using namespace functors;

// LibTorch's pool is not instrumented: ThreadSanitizer sees races where it hands over work, so there it has one thread.
constexpr int several = IS_THREAD_SANITIZED ? 1 : 2;

// Sets the number of LibTorch's threads for a scope.
class thread_count {
public:
    explicit thread_count(int threads) : m_before(at::get_num_threads()) { at::set_num_threads(threads); }
    ~thread_count() { at::set_num_threads(m_before); }
    thread_count(const thread_count&) = delete;
    thread_count& operator=(const thread_count&) = delete;

private:
    int m_before;
};

template <class T>
void check_random_assignments(unsigned seed) {
    constexpr auto dtype = xtt::scalar_type_v<T>;
    random_tensors random(seed);
    for (int round = 0; round < 60; ++round) {
        const auto sizes = random.shape();
        at::Tensor out = random.laid_out(sizes, dtype);
        const at::Tensor a = random.operand(sizes, dtype), b = random.operand(sizes, dtype),
                         c = random.operand(sizes, dtype), d = random.operand(sizes, dtype);
        const auto va = xtt::view<const T>(a), vb = xtt::view<const T>(b), vc = xtt::view<const T>(c),
                   vd = xtt::view<const T>(d);
        INFO("seed " << seed << ", round " << round << ", sizes " << out.sizes() << ", strides " << out.strides()
                     << ", a " << a.sizes() << a.strides() << ", b " << b.sizes() << b.strides() << ", c " << c.sizes()
                     << c.strides() << ", d " << d.sizes() << d.strides());
        auto view = xtt::view<T>(out);
        check_assignment(out, a, [&] { view = va; });
        check_assignment(out, a * b + c, [&] { view = va * vb + vc; });
        check_assignment(out, a + b + c + d, [&] { view = va + vb + vc + vd; });
        check_assignment(out, out + a, [&] { view += va; });
        check_assignment(out, out * 2, [&] { view *= T(2); });
        check_assignment(out, at::full({}, 3, dtype), [&] { view = T(3); });
        const auto axis = random.flipped(a);
        if (axis >= 0) {
            const auto flipped = xt::flip(va, static_cast<std::size_t>(axis));
            check_assignment(out, a.flip(axis) + b, [&] { view = flipped + vb; });
        }
        CHECK(at::equal(xtt::copy<T>(va * vb), a * b));
    }
}

TEST_CASE("random assignments agree with LibTorch on one thread and on several") {
    const auto threads = GENERATE(1, several);
    CAPTURE(threads);
    const thread_count scope(threads);
    check_random_assignments<float>(1);
    check_random_assignments<double>(2);
    check_random_assignments<std::uint8_t>(3);
    check_random_assignments<std::int16_t>(4);
    check_random_assignments<std::complex<double>>(5);
}

TEST_CASE("elements of two types are converted in every layout") {
    random_tensors random(6);
    for (int round = 0; round < 60; ++round) {
        const auto sizes = random.shape();
        at::Tensor out = random.laid_out(sizes, at::kFloat);
        const at::Tensor a = random.operand(sizes, at::kDouble), b = random.operand(sizes, at::kShort);
        auto view = xtt::view<float>(out);
        const auto va = xtt::view<const double>(a);
        const auto vb = xtt::view<const std::int16_t>(b);
        CAPTURE(round);
        check_assignment(out, a * b, [&] { view = va * vb; });
        check_assignment(out, a, [&] { view = va; });
        check_assignment(out, b.gt(4).to(at::kFloat), [&] { view = vb > 4; });
    }
}

TEST_CASE("bytes divided by a number are what the division rounds to") {
    at::Tensor bytes = at::arange(256, at::kByte);
    at::Tensor signed_bytes = at::arange(-128, 128, at::kChar);
    const auto b = xtt::view<const std::uint8_t, 1>(std::as_const(bytes));
    const auto s = xtt::view<const std::int8_t, 1>(std::as_const(signed_bytes));
    std::mt19937 engine(11);
    const auto check = [&]<class R>(R divisor) {
        at::Tensor results = at::empty({256}, c10::CppTypeToScalarType<R>::value);
        auto out = xtt::view<R, 1>(results);
        const auto agree = [&](const auto& source) {
            for (std::size_t i = 0; i < 256; ++i) {
                const R expected = static_cast<R>(source(i)) / divisor;
                if (std::isnan(expected) ? !std::isnan(out(i))
                                         : out(i) != expected || std::signbit(out(i)) != std::signbit(expected)) {
                    return false;
                }
            }
            return true;
        };
        out = b / divisor;
        const bool of_bytes = agree(b);
        out = xt::cast<R>(s) / divisor;
        return of_bytes && agree(s);
    };
    bool all = true;
    for (int digits = 1; digits < 4096; ++digits) {
        const int exponent = static_cast<int>(engine() % 60) - 30;
        all = all && check(std::ldexp(static_cast<float>(digits), exponent)) &&
              check(std::ldexp(-static_cast<float>(digits), exponent)) &&
              check(static_cast<double>(digits) + std::ldexp(static_cast<double>(engine() % 4096), -20));
    }
    CHECK(all);
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (const float divisor : {0.1f, 3.14159274f, 4097.f, 1e-30f, -1e30f, 1e-40f, 0.f, -0.f, infinity,
                                std::numeric_limits<float>::quiet_NaN()}) {
        CHECK(check(divisor));
        CHECK(check(static_cast<double>(divisor)));
    }
    // Inside other functions, and with an integer divisor, which C++ divides by as integers.
    at::Tensor pixels = at::arange(96, at::kByte).view({4, 8, 3});
    at::Tensor planes = at::empty({3, 4, 8});
    auto out = xtt::view<float, 3>(planes);
    out = (xt::transpose(xtt::view<const std::uint8_t, 3>(std::as_const(pixels)), {2, 0, 1}) / 255.f - 0.5f) / 0.25f;
    CHECK(at::equal(planes, pixels.permute({2, 0, 1}).to(at::kFloat).div(255).sub(0.5).div(0.25)));
    CHECK(at::equal(xtt::copy(b / 7), bytes.to(at::kInt).div(7, "floor")));
}

TEST_CASE("many operands have one value in each row, and widths of their own") {
    for (const std::int64_t columns : {1, 7, 100, 20000}) {
        at::Tensor column = at::randint(0, 100, {5, 1}, at::kDouble);
        at::Tensor bytes = at::randint(0, 100, {5, 1}, at::kByte);
        at::Tensor across = at::randint(0, 100, {columns, 5}, at::kDouble).t();
        at::Tensor out = at::zeros({5, columns}, at::kDouble);
        const auto a = xtt::view<double, 2>(column);
        const auto b = xtt::view<std::uint8_t, 2>(bytes);
        const auto c = xtt::view<double, 2>(across);
        auto to = xtt::view<double, 2>(out);
        to = a + b + c;
        CHECK(at::equal(out, column + bytes + across));
        to = a + a * a - b + a + a * b + a + a * a + b + a + c + a;
        CHECK(at::equal(out, 2 * column * column + column * bytes + 5 * column + across));
        at::Tensor single = column.to(at::kFloat);
        at::Tensor floats = at::zeros({5, columns});
        xtt::view<float, 2>(floats) = xtt::view<float, 2>(single) * 2.0f;
        CHECK(at::equal(floats, (single * 2).expand({5, columns})));
    }
}

TEST_CASE("Half and BFloat16 are converted as LibTorch converts them, in every layout") {
    random_tensors random(7);
    for (int round = 0; round < 40; ++round) {
        const auto sizes = random.shape();
        at::Tensor half = random.laid_out(sizes, at::kHalf), brain = random.laid_out(sizes, at::kBFloat16);
        at::Tensor numbers = random.laid_out(sizes, at::kFloat);
        const at::Tensor a = random.operand(sizes, at::kDouble).div(7), b = random.operand(sizes, at::kHalf).div(3);
        auto vhalf = xtt::view<at::Half>(half);
        auto vbrain = xtt::view<at::BFloat16>(brain);
        auto vnumbers = xtt::view<float>(numbers);
        const auto va = xtt::view<const double>(a);
        const auto vb = xtt::view<const at::Half>(b);
        CAPTURE(round);
        check_assignment(half, a, [&] { vhalf = va; });
        check_assignment(brain, b, [&] { vbrain = vb; });
        check_assignment(numbers, b, [&] { vnumbers = vb; });
        const auto axis = random.flipped(b);
        if (axis >= 0) {
            check_assignment(numbers, b.flip(axis), [&] { vnumbers = xt::flip(vb, static_cast<std::size_t>(axis)); });
        }
        CHECK(at::equal(xtt::copy<at::Half>(va), a.to(at::kHalf)));
    }
}

template <class F, class E>
auto apply(F functor, const E& e) {
    return xt::xfunction<F, const E&>(functor, e);
}

TEST_CASE("large assignments run on as many threads as LibTorch is told, and nested ones on their own") {
    const at::Tensor input = at::ones({1 << 20});
    at::Tensor tensor = at::zeros({1 << 20});
    const auto source = xtt::view<const float>(input);
    auto view = xtt::view<float>(tensor);
    const auto threads_used = [&](auto&& assign) {
        seen_threads.clear();
        assign();
        return seen_threads.size();
    };
    {
        const thread_count scope(several);
        CHECK(threads_used([&] { view = apply(watched(), source); }) == std::size_t{several});
        CHECK(tensor.eq(2).all().item<bool>());
    }
    {
        const thread_count scope(1);
        CHECK(threads_used([&] { view = apply(watched(), source); }) == 1);
        CHECK(seen_threads.count(std::this_thread::get_id()) == 1);
    }
}

TEST_CASE("an exception of a functor reaches the caller from any thread, and leaves the sources as they were") {
    const auto threads = GENERATE(1, several);
    const thread_count scope(threads);
    at::Tensor input = at::zeros({512, 512});
    input[511][511] = 17.0f;
    const at::Tensor before = input.clone();
    at::Tensor tensor = at::zeros({512, 512});
    const auto source = xtt::view<const float>(std::as_const(input));
    auto view = xtt::view<float>(tensor);
    CHECK_THROWS_AS(view = apply(refusing(), source), std::domain_error);
    CHECK_THROWS_AS(xtt::view<float>(tensor.t()) = apply(refusing(), source), std::domain_error);
    CHECK_THROWS_AS(xtt::copy(apply(refusing(), source)), std::domain_error);
    CHECK(at::equal(input, before));
    view = source + 1.0f;
    CHECK(at::equal(tensor, input + 1));
}

TEST_CASE("a functor with members is called in xtensor's order, on the calling thread") {
    const thread_count scope(several);
    const at::Tensor input = at::zeros({400, 300});
    at::Tensor tensor = at::zeros({300, 400});
    const auto source = xtt::view<const float, 2>(input);
    auto view = xtt::view<float, 2>(tensor.t());
    int count = 0;
    const auto numbered = [&count](float x) { return x + static_cast<float>(count++); };
    // XTENSOR_DEFAULT_LAYOUT decides.
    constexpr bool by_row = xt::default_assignable_layout(xt::layout_type::dynamic) == xt::layout_type::row_major;
    const auto in_order = [](const at::Tensor& numbers) {
        return by_row ? numbers.view({400, 300}) : numbers.view({300, 400}).t();
    };
    view = apply(numbered, source);
    CHECK(at::equal(tensor.t(), in_order(at::arange(120000, at::kFloat))));
    view = 2.0f * apply(numbered, source);
    CHECK(at::equal(tensor.t(), in_order(at::arange(120000, 240000, at::kFloat)).mul(2)));
}

static_assert(xtt::detail::functor_of_a_library<xt::detail::plus>);
static_assert(xtt::detail::functor_of_a_library<std::multiplies<>>);
static_assert(!xtt::detail::functor_of_a_library<std::function<float(float)>>);
static_assert(!xtt::detail::functor_of_a_library<functors::watched>);

TEST_CASE("a functor without members is called in xtensor's order on one thread, unless it is known to be pure") {
    const thread_count scope(several);
    at::Tensor input = at::zeros({1 << 18});
    at::Tensor tensor = at::zeros({1 << 18});
    auto source = xtt::view<float>(input);
    auto view = xtt::view<float>(tensor);
    static int number;
    const auto numbered = [](float x) { return x + static_cast<float>(number++); };
    const at::Tensor expected = at::arange(1 << 18, at::kFloat);
    number = 0;
    view = xt::vectorize(numbered)(source);
    CHECK(at::equal(tensor, expected));
    number = 0;
    view = xt::make_lambda_xfunction(numbered, source);
    CHECK(at::equal(tensor, expected));
    number = 0;
    view = 2.0f * apply(numbered, source) + source;
    CHECK(at::equal(tensor, 2 * expected));
    number = 0;
    CHECK(at::equal(xtt::copy(apply(numbered, source)), expected));
    number = 0;
    view = xt::square(apply(numbered, source));
    CHECK(at::equal(tensor, expected * expected));
}

TEST_CASE("what xtensor makes of lambdas of its own is known to be pure") {
    const auto known = []<class E>(const E&) { return xtt::detail::is_elementwise_call<E>::value; };
    at::Tensor tensor = at::ones({3});
    auto view = xtt::view<float>(tensor);
    const auto& constant = view;
    CHECK(known(xt::square(view)));
    CHECK(known(xt::square(constant)));
    CHECK(known(xt::square(view + 1.0f)));
    CHECK(known(xt::square(xt::square(constant))));
    CHECK(known(xt::cube(view)));
    CHECK(known(xt::pow<3>(view)));
    CHECK(known(xt::exp(view)));
    CHECK(known(xt::where(view > 1.0f, view, constant)));
    CHECK(known(xt::cast<int>(view)));
    CHECK(known(xt::maximum(view, constant)));
    CHECK(!known(xt::make_lambda_xfunction([](float x) { return x; }, view)));
}

struct greater {
    const float& operator()(const float& a, const float& b) const { return a < b ? b : a; }
};

TEST_CASE("a functor may return a reference to its argument") {
    const at::Tensor a = at::randn({300}), b = at::randn({300}), c = at::randn({300});
    const auto va = xtt::view<const float>(a), vb = xtt::view<const float>(b), vc = xtt::view<const float>(c);
    using inner = xt::xfunction<std::identity, decltype(va + vb)>;
    at::Tensor tensor = at::zeros({300});
    xtt::view<float>(tensor) = inner(std::identity(), va + vb) * 2.0f;
    CHECK(at::equal(tensor, (a + b) * 2));
    xtt::view<float>(tensor) = xt::vectorize(greater())(va, vc);
    CHECK(at::equal(tensor, a.maximum(c)));
}

TEST_CASE("what is not a function of single elements is evaluated once") {
    const at::Tensor input = at::ones({300, 300});
    at::Tensor tensor = at::zeros({300, 300});
    const auto source = xtt::view<const float, 2>(input);
    auto view = xtt::view<float, 2>(tensor);
    calls = 0;
    view = source + xt::sum(apply(watched(), source), {1}, xt::evaluation_strategy::lazy);
    CHECK(calls == 300 * 300);
    CHECK(tensor.eq(601).all().item<bool>());
    view = source * xt::arange<float>(300);
    CHECK(at::equal(tensor, at::arange(300, at::kFloat).expand({300, 300})));
}

TEST_CASE("what xtensor itself compares over strided views is written where it belongs") {
    const at::Tensor tensor = at::arange(2 * 5 * 40, at::kInt).view({2, 5, 40}).narrow(1, 1, 2);
    const auto view = xtt::view<const int>(tensor);
    const xt::xarray<bool> less = view < 250;
    CHECK(at::equal(xtt::copy(less), tensor.lt(250)));
}

TEST_CASE("nothing is allocated, whatever the strides") {
    const auto threads = GENERATE(1, several);
    const thread_count scope(threads);
    const auto rows = GENERATE(std::int64_t{4}, std::int64_t{1} << 16);
    const auto columns = GENERATE(std::int64_t{4}, std::int64_t{3});
    const auto transposed = GENERATE(false, true);
    const at::Tensor a = at::ones({rows, 4}).narrow(1, 0, columns);
    const at::Tensor b = transposed ? at::ones({columns, rows}).t() : at::ones({rows, columns});
    at::Tensor out = at::zeros({rows, 4}).narrow(1, 0, columns);
    const auto va = xtt::view<const float, 2>(a), vb = xtt::view<const float, 2>(b);
    auto view = xtt::view<float, 2>(out);
    view = va * vb + 1.0f;  // LibTorch's threads start at the first use of them
    const auto before = allocations.load();
    view = va * vb + va;
    view += vb;
    view *= 2.0f;
    xt::noalias(view) = va - vb;
    CHECK(nothing_allocated_since(before));
}

}  // namespace
