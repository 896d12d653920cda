#include "support/testing.hpp"

#include <xtensor-torch/borrow.hpp>
#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/evaluation/evaluate.hpp>
#include <xtensor-torch/view.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

using namespace testing;

namespace {

TEST_CASE("an expression is written into the tensor") {
    at::Tensor tensor = counting({2, 3});
    auto view = xtt::view<float, 2>(tensor);
    view = 2.0f * view + 1.0f;
    CHECK(at::equal(tensor, counting({2, 3}).mul(2).add(1)));
}

TEST_CASE("assigning a view to a view copies elements and rebinds nothing") {
    at::Tensor a = counting({2, 2});
    at::Tensor b = a + 10;
    auto va = xtt::view<float>(a);
    auto vb = xtt::view<float>(b);
    va = vb;
    CHECK(at::equal(a, b));
    CHECK(va.data() == a.const_data_ptr());
    vb(0, 0) = -1.0f;
    CHECK(a[0][0].item<float>() == 10.0f);
    va = std::move(vb);
    CHECK(a[0][0].item<float>() == -1.0f);
    CHECK(va.data() == a.const_data_ptr());
}

TEST_CASE("an expression over views is written into every destination") {
    at::Tensor a = counting({3, 4});
    at::Tensor b = counting({4, 3}).t() - 5;
    const auto va = xtt::view<const float, 2>(a);
    const auto vb = xtt::view<const float, 2>(b);
    const at::Tensor expected = a * b + 1;
    const auto is_expected = [&](const auto& array) { return at::equal(xtt::copy(array), expected); };

    const xt::xtensor<float, 2> constructed = va * vb + 1.0f;
    CHECK(is_expected(constructed));
    xt::xtensor<float, 2, xt::layout_type::column_major> column_major = va * vb + 1.0f;
    CHECK(is_expected(column_major));
    xt::noalias(column_major) = va * vb;
    column_major += 1.0f;
    CHECK(is_expected(column_major));
    xt::xarray<float> of_dynamic_rank;
    of_dynamic_rank = va * vb + 1.0f;
    CHECK(is_expected(of_dynamic_rank));
    xt::xtensor_fixed<float, xt::xshape<3, 4>> fixed = va * vb;
    fixed += 0.5f * (va + 1.0f) - 0.5f * va + 0.5f;
    CHECK(is_expected(xt::xtensor<float, 2>(fixed)));
    CHECK(is_expected(xt::eval(va * vb + 1.0f)));
    std::vector<float> memory(12);
    auto adaptor = xt::adapt(memory, std::array<std::size_t, 2>{3, 4});
    adaptor = va * vb + 1.0f;
    CHECK(at::equal(xtt::copy(adaptor), expected));
    xt::xarray<float> padded = xt::zeros<float>({5, 8});
    xt::view(padded, xt::range(1, 4), xt::range(0, 8, 2)) = va * vb + 1.0f;
    CHECK(at::equal(xtt::borrow(padded).slice(0, 1, 4).slice(1, 0, 8, 2), expected));
    CHECK(xt::sum(padded)() == expected.sum().item<float>());

    at::Tensor wide = at::zeros({5, 8});
    auto v = xtt::view<float, 2>(wide);
    xt::strided_view(v, {xt::range(1, 4), xt::range(0, 8, 2)}) = va * vb + 1.0f;
    CHECK(at::equal(wide.slice(0, 1, 4).slice(1, 0, 8, 2), expected));
    CHECK(wide.sum().item<float>() == expected.sum().item<float>());
    xt::xtensor<double, 2> converted = va * vb + 1.0f;
    CHECK(at::equal(xtt::borrow(converted), expected.to(at::kDouble)));
}

TEST_CASE("a part of a view that is assigned from another part reads before it writes") {
    for (const at::Tensor& base :
         {counting({6, 7}), counting({7, 6}).t(), counting({12, 14}).slice(0, 0, 12, 2).slice(1, 0, 14, 2)}) {
        at::Tensor tensor = base.clone(at::MemoryFormat::Preserve);
        auto v = xtt::view<float, 2>(tensor);
        xt::view(v, xt::all(), xt::range(1, 7)) = xt::view(v, xt::all(), xt::range(0, 6)) + 1.0f;
        CHECK(at::equal(tensor.slice(1, 1, 7), base.slice(1, 0, 6) + 1));
        tensor.copy_(base);
        xt::row(v, 0) = xt::view(v, 0, xt::range(xt::placeholders::_, xt::placeholders::_, -1));
        CHECK(at::equal(tensor[0], base[0].flip(0)));
        tensor.copy_(base);
        xt::view(v, xt::range(0, 5)) += xt::view(v, xt::range(1, 6));
        CHECK(at::equal(tensor.slice(0, 0, 5), base.slice(0, 0, 5) + base.slice(0, 1, 6)));
    }
}

TEST_CASE("a part that is given a shape which does not fit is left as it was") {
    at::Tensor tensor = counting({3, 4});
    auto v = xtt::view<float, 2>(tensor);
    const auto version = tensor._version();
    CHECK_THROWS_AS((xt::view(v, 1) = xt::view(v, xt::all(), 0) * 2.0f), c10::ValueError);
    CHECK_THROWS_AS((xt::row(v, 1) += xt::xtensor<float, 1>{1, 2, 3}), c10::ValueError);
    CHECK(at::equal(tensor, counting({3, 4})));
    CHECK(tensor._version() == version);
}

TEST_CASE("every compound assignment writes through, with scalars and with expressions") {
    const xt::xtensor<int, 1> operand = {3, 5, 7};
    const auto result = [&](auto&& change) {
        at::Tensor tensor = at::tensor({10, 20, 30}, at::kInt);
        auto view = xtt::view<int, 1>(tensor);
        change(view);
        return std::vector<int>{tensor[0].item<int>(), tensor[1].item<int>(), tensor[2].item<int>()};
    };
    CHECK(result([&](auto& v) { v += operand; }) == std::vector{13, 25, 37});
    CHECK(result([&](auto& v) { v -= operand; }) == std::vector{7, 15, 23});
    CHECK(result([&](auto& v) { v *= operand; }) == std::vector{30, 100, 210});
    CHECK(result([&](auto& v) { v /= operand; }) == std::vector{3, 4, 4});
    CHECK(result([&](auto& v) { v %= operand; }) == std::vector{1, 0, 2});
    CHECK(result([&](auto& v) { v &= operand; }) == std::vector{2, 4, 6});
    CHECK(result([&](auto& v) { v |= operand; }) == std::vector{11, 21, 31});
    CHECK(result([&](auto& v) { v ^= operand; }) == std::vector{9, 17, 25});
    CHECK(result([&](auto& v) { v += 1; }) == std::vector{11, 21, 31});
    CHECK(result([&](auto& v) { v -= 1; }) == std::vector{9, 19, 29});
    CHECK(result([&](auto& v) { v *= 2; }) == std::vector{20, 40, 60});
    CHECK(result([&](auto& v) { v /= 2; }) == std::vector{5, 10, 15});
    CHECK(result([&](auto& v) { v %= 7; }) == std::vector{3, 6, 2});
    CHECK(result([&](auto& v) { v = 4; }) == std::vector{4, 4, 4});
    CHECK(result([&](auto& v) { v.fill(5); }) == std::vector{5, 5, 5});
    CHECK(result([&](auto& v) { xt::noalias(v) = operand + 1; }) == std::vector{4, 6, 8});
    CHECK(result([&](auto& v) { xt::noalias(v) += operand; }) == std::vector{13, 25, 37});
    CHECK(result([&](auto& v) { v.assign(operand * 2); }) == std::vector{6, 10, 14});
}

TEST_CASE("operands are broadcast to the view's shape") {
    at::Tensor tensor = at::zeros({2, 3});
    auto view = xtt::view<float, 2>(tensor);
    const xt::xtensor<float, 1> row = {1, 2, 3};
    const xt::xtensor<float, 2> column = {{10}, {20}};

    view = row;
    CHECK(at::equal(tensor, at::tensor({1.0f, 2.0f, 3.0f}).expand({2, 3})));
    view = column;
    CHECK(at::equal(tensor, at::tensor({10.0f, 20.0f}).reshape({2, 1}).expand({2, 3})));
    view = row + column;
    CHECK(tensor[1][2].item<float>() == 23.0f);
    view += row;
    CHECK(tensor[1][2].item<float>() == 26.0f);
    xt::noalias(view) = row;
    CHECK(tensor[1][0].item<float>() == 1.0f);
}

TEST_CASE("a row is broadcast into a view whose layout is in the type") {
    at::Tensor tensor = at::zeros({3, 4});
    auto view = xtt::view<float, 2, xt::layout_type::row_major>(tensor);
    const xt::xtensor<float, 1, xt::layout_type::row_major> row = {1, 2, 3, 4};
    view = row;
    CHECK(at::equal(tensor, at::tensor({1.0f, 2.0f, 3.0f, 4.0f}).expand({3, 4})));
    xt::noalias(view) = 2.0f * row;
    CHECK(at::equal(tensor, at::tensor({2.0f, 4.0f, 6.0f, 8.0f}).expand({3, 4})));
}

TEST_CASE("operands that do not fit each other are refused and nothing is written") {
    at::Tensor tensor = counting({2, 3});
    const at::Tensor before = tensor.clone();
    auto view = xtt::view<float, 2>(tensor);
    const xt::xarray<float> other = xt::ones<float>({2, 2});
    const auto refused = [&](const auto& call) {
        const std::string message = message_of<c10::ValueError>(call);
        CHECK(is_plain_sentence(message));
        CHECK(contains(message, "do not broadcast"));
        CHECK(at::equal(tensor, before));
    };
    refused([&] { view += other; });
    refused([&] { view = view * other; });
    refused([&] { xt::noalias(view) = 2.0f * (view - other); });
    refused([&] { xtt::copy(view + other); });
}

TEST_CASE("a shape that does not broadcast is refused and nothing is written") {
    at::Tensor tensor = counting({2, 3});
    const at::Tensor before = tensor.clone();
    auto view = xtt::view<float, 2>(tensor);
    const auto refused = [&](const auto& source) {
        const std::string message = message_of<c10::ValueError>([&] { view = source; });
        CHECK(is_plain_sentence(message));
        CHECK(contains(message, "[2, 3]"));
        CHECK(contains(message, "broadcast"));
        CHECK(message_of<c10::ValueError>([&] { xt::noalias(view) = source; }) == message);
        CHECK(at::equal(tensor, before));
        CHECK(view.shape(0) == 2);
        CHECK(view.shape(1) == 3);
    };
    refused(xt::xtensor<float, 2>(xt::ones<float>({3, 2})));     // the same number of elements
    refused(xt::xtensor<float, 1>(xt::ones<float>({6})));        // the same number of elements
    refused(xt::xtensor<float, 2>(xt::ones<float>({3, 3})));     // more
    refused(xt::xtensor<float, 3>(xt::ones<float>({1, 2, 3})));  // more dimensions
    refused(xt::xtensor<float, 1>(xt::ones<float>({2})));        // fewer
    refused(xt::xarray<float>(xt::ones<float>({0, 3})));
}

TEST_CASE("values are put into strided views, and between the strides nothing changes") {
    at::Tensor tensor = at::zeros({4, 6});
    at::Tensor stepped = tensor.slice(0, 1, 4, 2).slice(1, 0, 6, 3).t();
    auto view = xtt::view<float, 2>(stepped);
    const xt::xtensor<float, 2> values = {{1, 2}, {3, 4}};
    view = values;
    CHECK(tensor.sum().item<float>() == 10.0f);
    CHECK(tensor[1][0].item<float>() == 1.0f);
    CHECK(tensor[3][0].item<float>() == 2.0f);
    CHECK(tensor[1][3].item<float>() == 3.0f);
    CHECK(tensor[3][3].item<float>() == 4.0f);
    view += 1.0f;
    CHECK(tensor.sum().item<float>() == 14.0f);
    view.fill(0.0f);
    CHECK(tensor.abs().sum().item<float>() == 0.0f);
}

// v = f(w) over one storage must give what evaluating f(w) first gives.
template <class Source>
void gives_the_result_of_evaluating_first(at::Tensor destination, Source&& source_of) {
    auto view = xtt::view<float>(destination);
    auto&& source = source_of();
    const xt::xarray<float> expected = xt::broadcast(xt::eval(source), view.shape());
    view = source;
    CHECK(xt::all(xt::equal(view, expected)));
}

TEST_CASE("overlap of source and destination gives the result of evaluating first") {
    at::Tensor line = counting({8});
    at::Tensor square = counting({4, 4});
    at::Tensor head = line.slice(0, 0, 7);
    at::Tensor tail = line.slice(0, 1, 8);
    const auto line_view = xtt::view<float>(line);
    const auto head_view = xtt::view<float>(head);
    const auto tail_view = xtt::view<float>(tail);
    const auto square_view = xtt::view<float>(square);

    SECTION("shifted up") {
        gives_the_result_of_evaluating_first(tail, [&]() -> auto& { return head_view; });
    }
    SECTION("shifted down") {
        gives_the_result_of_evaluating_first(head, [&]() -> auto& { return tail_view; });
    }
    SECTION("shifted, inside an expression") {
        gives_the_result_of_evaluating_first(tail, [&] { return 2.0f * head_view + tail_view; });
    }
    SECTION("flipped") {
        gives_the_result_of_evaluating_first(line, [&] { return xt::flip(line_view, 0); });
    }
    SECTION("transposed") {
        gives_the_result_of_evaluating_first(square, [&] { return xt::transpose(square_view) + square_view; });
    }
    SECTION("transposed by torch") {
        at::Tensor transposed = square.t();
        gives_the_result_of_evaluating_first(square, [&] { return xtt::view<float>(transposed) * 1.0f; });
    }
    SECTION("a row broadcast to the whole") {
        gives_the_result_of_evaluating_first(square, [&] { return square_view - xt::view(square_view, 1); });
    }
    SECTION("a reduction of the whole") {
        gives_the_result_of_evaluating_first(square, [&] { return square_view - xt::sum(square_view, {0}); });
    }
    SECTION("joined from its own halves, which a generator reads") {
        gives_the_result_of_evaluating_first(line, [&] {
            return xt::concatenate(
                xt::xtuple(xt::view(line_view, xt::range(4, 8)), xt::view(line_view, xt::range(0, 4))));
        });
    }
    SECTION("with a scalar that is an element of the destination") {
        const auto& first = line_view(0);
        xtt::view<float>(line) += 2.0f;
        const auto lambda = [](float x) { return x * x; };
        gives_the_result_of_evaluating_first(line, [&] { return xt::square(line_view / first); });
        gives_the_result_of_evaluating_first(line, [&] { return xt::cube(line_view / first); });
        gives_the_result_of_evaluating_first(line, [&] { return xt::pow<2>(line_view / first); });
        gives_the_result_of_evaluating_first(line, [&] { return line_view / first; });
        gives_the_result_of_evaluating_first(line, [&] { return xt::vectorize(lambda)(line_view / first); });
        gives_the_result_of_evaluating_first(line, [&] { return line_view - xt::sum(line_view / first); });
        gives_the_result_of_evaluating_first(line, [&] { return xt::view(line_view / first, xt::all()); });
        gives_the_result_of_evaluating_first(line,
                                             [&] { return xt::make_lambda_xfunction(lambda, line_view / first); });
    }
    SECTION("through a container that a tensor borrows") {
        xt::xtensor<float, 1> array = xt::arange<float>(8);
        at::Tensor borrowed = xtt::borrow(array);
        at::Tensor borrowed_tail = borrowed.slice(0, 1, 8);
        gives_the_result_of_evaluating_first(borrowed_tail, [&] { return xt::view(array, xt::range(0, 7)); });
    }
}

TEST_CASE("no temporary is made where operands coincide or are disjoint") {
    at::Tensor a = counting({3, 4});
    at::Tensor b = counting({3, 4});
    const auto va = xtt::view<float>(a);
    const auto vb = xtt::view<float>(b);
    CHECK_FALSE(xtt::detail::may_read_after_write(va, va));
    CHECK_FALSE(xtt::detail::may_read_after_write(va, va + vb * 2.0f));
    CHECK_FALSE(xtt::detail::may_read_after_write(va, xt::transpose(vb)));
    CHECK(xtt::detail::may_read_after_write(va, xt::transpose(va)));
    at::Tensor top = a.slice(0, 0, 1);
    at::Tensor bottom = a.slice(0, 2, 3);
    CHECK_FALSE(xtt::detail::may_read_after_write(xtt::view<float>(top), xtt::view<float>(bottom)));
    CHECK_FALSE(xtt::detail::needs_temporary(va, va / va(0, 0)));
    CHECK_FALSE(xtt::detail::needs_temporary(va, vb / vb(0, 0)));
    CHECK_FALSE(xtt::detail::needs_temporary(va, va - xt::sum(va)));
}

template <class T, class V>
void converts_as_torch_does_on_x86() {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    std::vector<double> numbers = {
        -0.9,    -1.0,     -1.5,  127.9, 300.0,    -300.0,    40000.0,
        70000.0, -70000.0, 3e9,   -3e9,  5e9,      9e18,      1e19,
        1.5e19,  2e19,     -1e19, 1e300, infinity, -infinity, std::numeric_limits<double>::quiet_NaN()};
    for (const int exponent : {7, 8, 15, 16, 31, 32, 63, 64}) {
        for (const double sign : {-1.0, 1.0}) {
            const double power = sign * std::ldexp(1.0, exponent);
            numbers.insert(numbers.end(), {power, std::nextafter(power, 0.0), power - 1, power + 1});
        }
    }
    at::Tensor source = at::tensor(numbers, at::kDouble).to(xtt::scalar_type_v<V>);
    const auto values = xtt::view<const V, 1>(std::as_const(source));
    // One by one: LibTorch's vector code disagrees with itself for uint32. On other processors than x86-64 its answers
    // are others, and it is shown alone that this library has one.
    std::vector<at::Tensor> each;
    for (std::int64_t i = 0; i < source.numel(); ++i) {
#if defined(__x86_64__)
        each.push_back(source[i].to(xtt::scalar_type_v<T>));
#else
        each.push_back(at::empty({}, xtt::scalar_type_v<T>));
        *static_cast<T*>(each.back().mutable_data_ptr()) =
            xtt::detail::element_cast<T>(values(static_cast<std::size_t>(i)));
#endif
    }
    at::Tensor tensor = at::empty({source.numel()}, xtt::scalar_type_v<T>);
    auto view = xtt::view<T, 1>(tensor);
    const auto agrees = [&] {
        for (std::size_t i = 0; i < each.size(); ++i) {
            INFO("from " << static_cast<double>(static_cast<float>(values(i))) << " to " << tensor.scalar_type());
            CHECK(std::memcmp(view.data() + i, each[i].const_data_ptr(), sizeof(T)) == 0);
        }
        tensor.zero_();
    };
    view = values;
    agrees();
    std::vector<std::size_t> all(values.size());
    std::iota(all.begin(), all.end(), 0u);
    view = xt::view(values, xt::keep(all));
    agrees();
    tensor.copy_(xtt::copy<T>(values));
    agrees();
    // More than are worth asking LibTorch for.
    const at::Tensor many = xtt::copy<T>(xtt::view<const V, 1>(source.repeat({100})));
    tensor.copy_(many.slice(0, 0, source.numel()));
    CHECK(at::equal(many, tensor.repeat({100})));
    agrees();
    tensor.copy_(xtt::copy<T>(xt::flip(xt::flip(values, 0), 0)));
    agrees();
    for (std::size_t i = 0; i < values.size(); ++i) {
        auto element = tensor.slice(0, static_cast<std::int64_t>(i), static_cast<std::int64_t>(i) + 1);
        xtt::view<T>(element) = values(i);
    }
    agrees();
}

TEST_CASE("numbers that an integer cannot hold are converted as LibTorch does on x86-64") {
    const auto from = []<class V>(V) {
        converts_as_torch_does_on_x86<std::uint8_t, V>();
        converts_as_torch_does_on_x86<std::int16_t, V>();
        converts_as_torch_does_on_x86<std::int32_t, V>();
        converts_as_torch_does_on_x86<std::int64_t, V>();
        converts_as_torch_does_on_x86<std::uint32_t, V>();
        converts_as_torch_does_on_x86<std::uint64_t, V>();
    };
    from(double{});
    from(float{});
    from(at::Half{});
    from(at::BFloat16{});
}

TEST_CASE("complex types of both libraries are converted to each other") {
    const xt::xtensor<std::complex<double>, 1> numbers = {{1, 2}, {3, -4}};
    const at::Tensor expected = xtt::copy(numbers).to(at::kComplexFloat);
    CHECK(at::equal(xtt::copy<std::complex<float>>(numbers), expected));
    CHECK(at::equal(xtt::copy<c10::complex<float>>(numbers), expected));
    CHECK(at::equal(xtt::copy<c10::complex<float>>(xt::flip(numbers, 0)), expected.flip(0)));
    at::Tensor tensor = at::zeros({2}, at::kComplexFloat);
    xtt::view<std::complex<float>>(tensor) = xtt::view<c10::complex<double>>(xtt::copy(numbers));
    CHECK(at::equal(tensor, expected));
    xtt::view<c10::complex<float>>(tensor) = std::complex<double>(5, 6);
    CHECK(at::equal(tensor, at::full({2}, c10::complex<float>(5, 6), at::kComplexFloat)));
}

TEST_CASE("flattened expressions and fixed shapes are assigned") {
    at::Tensor source = counting({3, 4}).t();
    at::Tensor tensor = at::zeros({12});
    auto matrix = xtt::view<float, 2>(source);
    auto view = xtt::view<float>(tensor);
    const at::Tensor flat = source.contiguous().view({12});
    view = xt::ravel(matrix);
    CHECK(at::equal(tensor, flat));
    view = xt::flatten(matrix) + 1.0f;
    CHECK(at::equal(tensor, flat + 1));
    CHECK(at::equal(xtt::copy(2.0f * xt::flatten(matrix)), flat * 2));

    const xt::xtensor_fixed<float, xt::xshape<4>> fixed = {1, 2, 3, 4};
    at::Tensor rows = at::zeros({3, 4});
    xtt::view<float>(rows) = fixed + 1.0f;
    CHECK(at::equal(rows, at::tensor({2.0f, 3.0f, 4.0f, 5.0f}).expand({3, 4})));
    xtt::view<float, 2>(rows) = fixed;
    CHECK(at::equal(rows, at::tensor({1.0f, 2.0f, 3.0f, 4.0f}).expand({3, 4})));
}

TEST_CASE("empty and zero-dimensional views are assigned") {
    at::Tensor scalar = at::zeros({});
    auto value = xtt::view<float, 0>(scalar);
    value = 3.0f;
    value += xt::xscalar<float>(1.0f);
    CHECK(scalar.item<float>() == 4.0f);

    at::Tensor empty = at::empty({0, 3});
    auto nothing = xtt::view<float>(empty);
    nothing = 1.0f;
    nothing += nothing;
    nothing = xt::xarray<float>(xt::ones<float>({0, 3}));
    CHECK(empty.numel() == 0);
}

}  // namespace
