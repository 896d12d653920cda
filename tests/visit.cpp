#include "support/testing.hpp"

#include <xtensor-torch/visit.hpp>

using namespace testing;

namespace {

TEST_CASE("visit calls the function with a view of the tensor's own dtype") {
    for (const auto dtype :
         {at::kBool, at::kChar, at::kShort, at::kInt, at::kLong, at::kByte, at::kUInt16, at::kUInt32, at::kUInt64,
          at::kHalf, at::kBFloat16, at::kFloat, at::kDouble, at::kComplexFloat, at::kComplexDouble}) {
        at::Tensor tensor = at::zeros({2, 3}, dtype);
        const at::ScalarType seen = xtt::visit(tensor, [&](auto& view) {
            CHECK(static_cast<const void*>(view.data()) == tensor.const_data_ptr());
            return xtt::scalar_type_v<typename std::decay_t<decltype(view)>::value_type>;
        });
        CHECK(seen == dtype);
    }
}

TEST_CASE("visit writes through the view") {
    at::Tensor tensor = counting({3});
    xtt::visit<float, double>(tensor, [](auto& view) { view *= 2; });
    CHECK(tensor[2].item<float>() == 4.0f);
    xtt::visit<float, double>(tensor, [](auto view) { view += 1; });
    CHECK(tensor[2].item<float>() == 5.0f);
}

TEST_CASE("visit gives read-only views of a const tensor") {
    const at::Tensor tensor = counting({3});
    const auto version = tensor._version();
    const double total = xtt::visit<float, double>(tensor, [](const auto& view) {
        static_assert(!std::decay_t<decltype(view)>::is_writable);
        return static_cast<double>(xt::sum(view)());
    });
    CHECK(total == 3.0);
    CHECK(tensor._version() == version);
}

TEST_CASE("visit refuses a dtype that is not listed, and names the listed ones") {
    at::Tensor tensor = counting({2}, at::kInt);
    const std::string message =
        message_of<c10::TypeError>([&] { xtt::visit<float, double>(tensor, [](const auto&) {}); });
    CHECK(is_plain_sentence(message));
    CHECK(contains(message, "int32"));
    CHECK(contains(message, "float32, float64"));
    CHECK(contains(message, "tensor.to(torch::kFloat32)"));
}

TEST_CASE("visit refuses what view refuses") {
    CHECK_THROWS_AS(xtt::visit(at::Tensor(), [](const auto&) {}), c10::ValueError);
    CHECK_THROWS_AS(xtt::visit(counting({2}).requires_grad_(), [](const auto&) {}), c10::Error);
    CHECK_THROWS_AS(xtt::visit(counting({2, 2}).to_sparse(), [](const auto&) {}), c10::TypeError);
}

// ---- ranks

TEST_CASE("visit puts a listed rank into the type of the view") {
    at::Tensor matrix = counting({2, 3}, at::kDouble);
    const double corner = xtt::visit<xtt::ranks<2>, float, double>(matrix, []<class T>(xtt::tensor_view<T, 2>& view) {
        static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
        return static_cast<double>(view(1, 2));
    });
    CHECK(corner == 5.0);
    CHECK(xtt::visit<xtt::ranks<2>>(matrix, []<class T>(xtt::tensor_view<T, 2>& view) { return view.size(); }) == 6);
}

TEST_CASE("the trace in the README") {
    const at::Tensor matrix = counting({2, 3}, at::kDouble);
    const double trace = xtt::visit<xtt::ranks<2>, float, double>(matrix, [](const auto& view) {
        double sum = 0;
        for (std::size_t i = 0; i < std::min(view.shape(0), view.shape(1)); ++i) {
            sum += view(i, i);
        }
        return sum;
    });
    CHECK(trace == 4.0);
}

TEST_CASE("visit finds the rank among several, wherever they stand in the list") {
    const auto rank_in_type = []<class T, std::size_t N>(const xtt::tensor_view<T, N>&) { return N; };
    for (const std::int64_t rank : {0, 1, 2, 3}) {
        const at::Tensor tensor = at::zeros(std::vector<std::int64_t>(static_cast<std::size_t>(rank), 2), at::kFloat);
        CHECK(xtt::visit<float, xtt::ranks<0, 1, 2, 3>, double>(tensor, rank_in_type) ==
              static_cast<std::size_t>(rank));
    }
}

TEST_CASE("visit refuses a rank that is not listed, and names the listed ones") {
    at::Tensor tensor = counting({2, 3});
    const std::string message =
        message_of<c10::ValueError>([&] { xtt::visit<xtt::ranks<1, 3>, float>(tensor, [](const auto&) {}); });
    CHECK(is_plain_sentence(message));
    CHECK(contains(message, "has rank 2, shape [2, 3]; the function takes rank 1, 3."));
}

// ---- two tensors

TEST_CASE("visit of two tensors gives each view its own tensor's dtype") {
    const std::vector<at::ScalarType> dtypes = {at::kFloat, at::kDouble, at::kLong};
    for (const auto first : dtypes) {
        for (const auto second : dtypes) {
            at::Tensor a = counting({3}, first);
            at::Tensor b = counting({3}, second);
            xtt::visit<float, double, std::int64_t>(a, b, [&]<class A, class B>(A& x, B& y) {
                CHECK(xtt::scalar_type_v<typename A::value_type> == first);
                CHECK(xtt::scalar_type_v<typename B::value_type> == second);
                CHECK(static_cast<const void*>(x.data()) == a.const_data_ptr());
                CHECK(static_cast<const void*>(y.data()) == b.const_data_ptr());
            });
        }
    }
}

TEST_CASE("visit of two tensors reads well") {
    at::Tensor total = at::zeros({2, 3}, at::kDouble);
    const at::Tensor addend = counting({3}, at::kInt);
    xtt::visit<int, double>(total, addend, [](auto& a, const auto& b) { a += b; });
    CHECK(at::equal(total[1], counting({3}, at::kDouble)));
}

// Counts the pairs of types it is instantiated for: each has a variable of its own, counted before main.
inline int pairs = 0;
template <class A, class B>
inline const int pair_number = ++pairs;
struct counts_its_pairs {
    template <class A, class B>
    void operator()(A&, B&) const {
        static_cast<void>(pair_number<A, B>);
    }
};
inline int same_pairs = 0;
template <class A, class B>
inline const int same_pair_number = ++same_pairs;
struct counts_its_same_pairs {
    template <class A, class B>
    void operator()(A&, B&) const {
        static_cast<void>(same_pair_number<A, B>);
    }
};

TEST_CASE("visit of two tensors makes the instantiations that were asked for") {
    at::Tensor a = counting({3});
    at::Tensor b = counting({3});
    xtt::visit<float, double, int>(a, b, counts_its_pairs());
    CHECK(pairs == 9);
    xtt::visit<xtt::same_dtype, float, double, int>(a, b, counts_its_same_pairs());
    CHECK(same_pairs == 3);
}

TEST_CASE("visit of two tensors without a list of types wants one dtype") {
    at::Tensor a = counting({3}, at::kHalf);
    const at::Tensor b = counting({3}, at::kHalf);
    xtt::visit(a, b, []<class T>(xtt::tensor_view<T>& x, const xtt::tensor_view<const T>& y) { x = y; });
    at::Tensor c = counting({3}, at::kDouble);
    const auto refused = [&](auto&& call) {
        const std::string message = message_of<c10::TypeError>(call);
        CHECK(is_plain_sentence(message));
        CHECK(contains(message, "the tensors are float16 and float64"));
        CHECK(contains(message, "tensor.to(torch::kFloat16)"));
    };
    refused([&] { xtt::visit(a, c, [](auto&, auto&) {}); });
    refused([&] { xtt::visit<xtt::same_dtype, c10::Half, double>(a, c, [](auto&, auto&) {}); });
}

TEST_CASE("visit of two tensors goes with ranks") {
    at::Tensor matrix = counting({2, 3}, at::kDouble);
    at::Tensor vector = counting({3});
    const auto ranks_in_types = []<class T, class U, std::size_t N, std::size_t M>(const xtt::tensor_view<T, N>&,
                                                                                   const xtt::tensor_view<U, M>&) {
        return std::pair(N, M);
    };
    CHECK(xtt::visit<xtt::ranks<1, 2>, float, double>(matrix, vector, ranks_in_types) ==
          std::pair<std::size_t, std::size_t>(2, 1));
    const double product = xtt::visit<xtt::ranks<2>, double>(matrix, [&](const auto& m) {
        return xtt::visit<xtt::ranks<1>, float>(vector, [&](const auto& v) { return xt::sum(m * v)(); });
    });
    CHECK(product == 0 + 1 + 4 + 0 + 4 + 10);
}

TEST_CASE("visit of two tensors says which one it refuses, and leaves the other as it was") {
    at::Tensor a = counting({3});
    const auto version = a._version();
    at::Tensor wrong = counting({3}, at::kInt);
    const std::string message =
        message_of<c10::TypeError>([&] { xtt::visit<float, double>(a, wrong, [](auto&, auto&) {}); });
    CHECK(contains(message, "visit: the second tensor is int32; the function takes float32, float64."));
    at::Tensor overlapping = at::zeros({1}).expand({3});
    CHECK_THROWS_AS((xtt::visit<float, double>(a, overlapping, [](auto&, auto&) {})), c10::ValueError);
    CHECK_THROWS_AS((xtt::visit<float, double>(a, at::Tensor(), [](auto&, auto&) {})), c10::ValueError);
    CHECK(a._version() == version);
}

TEST_CASE("visit of three tensors makes their types, and says which one it refuses") {
    at::Tensor out = at::zeros({3}, at::kDouble);
    const at::Tensor x = counting({3});
    const at::Tensor y = counting({3}, at::kDouble);
    xtt::visit<float, double>(
        out, x, y,
        []<class T, class U, class V>(xtt::tensor_view<T>& result, const xtt::tensor_view<const U>& left,
                                      const xtt::tensor_view<const V>& right) {
            CHECK((std::is_same_v<T, double> && std::is_same_v<U, float> && std::is_same_v<V, double>));
            result = left * right;
        });
    CHECK(out.equal(y * y));
    at::Tensor doubles = x.to(at::kDouble);
    const double sum = xtt::visit<xtt::same_dtype, float, double>(
        out, doubles, y,
        [](const auto& a, const auto& b, const auto& c) { return static_cast<double>(xt::sum(a + b + c)()); });
    CHECK(sum == 5 + 3 + 3);
    const auto version = out._version();
    const auto refused = [&](auto&& call) { return message_of<c10::TypeError>(call); };
    CHECK(contains(refused([&] { xtt::visit(out, doubles, x, [](auto&, auto&, auto&) {}); }),
                   "the tensors are float64 and float32; two tensors of the same dtype are needed"));
    CHECK(contains(refused([&] { xtt::visit(out, doubles, x, [](auto&, auto&, auto&) {}); }),
                   "e.g. the third: tensor.to("));
    CHECK(contains(refused([&] { xtt::visit<double>(out, y, x, [](auto&, auto&, auto&) {}); }),
                   "visit: the third tensor is float32; the function takes float64."));
    at::Tensor overlapping = at::zeros({1}, at::kDouble).expand({3});
    CHECK_THROWS_AS((xtt::visit<double>(out, y, overlapping, [](auto&, auto&, auto&) {})), c10::ValueError);
    CHECK(out._version() == version);
}

}  // namespace
