#include "support/testing.hpp"

#include <xtensor-torch/adopt.hpp>
#include <xtensor-torch/borrow.hpp>
#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/shared_container.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <list>
#include <memory>

using namespace testing;

namespace {

// Every element of the tensor, indexed by torch, against the expression's, indexed by xtensor.
template <class E>
void same_elements(const at::Tensor& tensor, const E& expression) {
    REQUIRE(static_cast<std::size_t>(tensor.dim()) == expression.dimension());
    for (std::size_t i = 0; i < expression.dimension(); ++i) {
        REQUIRE(static_cast<std::size_t>(tensor.size(static_cast<std::int64_t>(i))) == expression.shape()[i]);
    }
    const at::Tensor flat = tensor.reshape({-1});
    std::int64_t position = 0;
    for (auto it = expression.template begin<xt::layout_type::row_major>();
         it != expression.template end<xt::layout_type::row_major>(); ++it) {
        REQUIRE(flat[position++].item<double>() == static_cast<double>(*it));
    }
}

xt::xarray<double> numbers() { return {{1, 2, 3}, {4, 5, 6}}; }

// ---- borrow
// -------------------------------------------------------------------------------------------------------------

TEST_CASE("a borrowed container is seen and written by torch, and the other way") {
    xt::xarray<double> array = numbers();
    at::Tensor tensor = xtt::borrow(array);
    CHECK(tensor.scalar_type() == at::kDouble);
    CHECK(tensor.const_data_ptr() == array.data());
    same_elements(tensor, array);
    tensor[1][2] = 60.0;
    CHECK(array(1, 2) == 60.0);
    array(0, 0) = -1.0;
    CHECK(tensor[0][0].item<double>() == -1.0);
    CHECK_FALSE(tensor.storage().resizable());
    CHECK_FALSE(tensor.requires_grad());
}

TEST_CASE("borrowing leaves the memory with its owner") {
    xt::xarray<double> array = numbers();
    {
        const at::Tensor tensor = xtt::borrow(array);
    }
    CHECK(array(1, 2) == 6.0);
}

TEST_CASE("containers of every kind are borrowed with their layout") {
    SECTION("column-major") {
        xt::xarray<float, xt::layout_type::column_major> array = {{1, 2, 3}, {4, 5, 6}};
        const at::Tensor tensor = xtt::borrow(array);
        CHECK(tensor.strides() == at::IntArrayRef({1, 2}));
        same_elements(tensor, array);
    }
    SECTION("dynamic layout") {
        auto array = xt::xtensor<float, 2, xt::layout_type::dynamic>::from_shape({2, 3});
        array = xt::ones<float>({2, 3});
        same_elements(xtt::borrow(array), array);
    }
    SECTION("fixed shape") {
        xt::xtensor_fixed<float, xt::xshape<2, 3>> array = {{1, 2, 3}, {4, 5, 6}};
        const at::Tensor tensor = xtt::borrow(array);
        CHECK(tensor.const_data_ptr() == array.data());
        same_elements(tensor, array);
    }
    SECTION("0-d") {
        xt::xarray<float> array = 3.0f;
        const at::Tensor tensor = xtt::borrow(array);
        CHECK(tensor.dim() == 0);
        CHECK(tensor.item<float>() == 3.0f);
    }
    SECTION("empty") {
        for (const auto& shape : {std::vector<std::size_t>{0}, {0, 3}, {3, 0, 2}}) {
            auto array = xt::xarray<float>::from_shape(shape);
            const at::Tensor tensor = xtt::borrow(array);
            CHECK(tensor.numel() == 0);
            CHECK(tensor.is_contiguous());
            CHECK(tensor.dim() == static_cast<std::int64_t>(shape.size()));
            CHECK(tensor.strides() == at::empty(tensor.sizes()).strides());
        }
    }
    SECTION("size-1 dimensions, where xtensor stores stride 0") {
        auto array = xt::xarray<float>::from_shape({1, 3, 1});
        array.fill(2.0f);
        const at::Tensor tensor = xtt::borrow(array);
        CHECK(tensor.strides() == at::IntArrayRef({3, 1, 1}));
        CHECK(tensor.is_contiguous());
        CHECK(tensor.reshape({3}).const_data_ptr() == array.data());
    }
    SECTION("an adaptor over other memory") {
        std::vector<float> memory = {1, 2, 3, 4};
        auto adaptor = xt::adapt(memory, {2, 2});
        xtt::borrow(adaptor).mul_(2);
        CHECK(memory[3] == 8.0f);
        xtt::borrow(xt::adapt(memory.data(), 4, xt::no_ownership(), std::array<std::size_t, 1>{4})).mul_(2);
        CHECK(memory[3] == 16.0f);
    }
    SECTION("a shared container") {
        auto array = std::make_shared<xtt::shared_array<double>>(numbers());
        xtt::borrow(*array).mul_(2);
        CHECK((*array)(1, 2) == 12.0);
    }
}

TEST_CASE("views over containers are borrowed with their offset") {
    xt::xarray<double> array = xt::arange<double>(24).reshape({4, 6});
    const auto check = [&](auto&& view) {
        at::Tensor tensor = xtt::borrow(view);
        same_elements(tensor, view);
        tensor.fill_(-1.0);
        CHECK(xt::all(xt::equal(view, -1.0)));
    };
    SECTION("a block") { check(xt::view(array, xt::range(1, 3), xt::range(2, 5))); }
    SECTION("a column") { check(xt::view(array, xt::all(), 2)); }
    SECTION("stepped") { check(xt::view(array, xt::range(0, 4, 2), xt::range(1, 6, 3))); }
    SECTION("a new axis") { check(xt::view(array, xt::newaxis(), 1)); }
    SECTION("transposed") { check(xt::transpose(array)); }
    SECTION("a strided view") { check(xt::strided_view(array, {xt::range(1, 3), xt::all()})); }
    SECTION("a view of a view") {
        auto rows = xt::view(array, xt::range(1, 4));
        check(xt::view(rows, xt::all(), xt::range(3, 6)));
    }
    CHECK(xt::sum(xt::equal(array, -1.0))() > 0);
}

TEST_CASE("a part without elements of a container without elements is borrowed") {
    auto array = xt::xtensor<float, 2>::from_shape({4, 0});
    auto part = xt::view(array, xt::range(3, 4), xt::all());
    const at::Tensor tensor = xtt::borrow(part);
    CHECK(tensor.sizes() == at::IntArrayRef{1, 0});
    CHECK(tensor.storage().nbytes() == 0);
}

TEST_CASE("a view without elements is borrowed from the start of its storage") {
    at::Tensor tensor = counting({4}).slice(0, 2, 2);
    auto view = xtt::view<float>(tensor);
    const at::Tensor borrowed = xtt::borrow(view);
    CHECK(borrowed.sizes() == at::IntArrayRef{0});
    CHECK(borrowed.storage_offset() == 0);
    CHECK(borrowed.storage().is_alias_of(tensor.storage()));
}

TEST_CASE("a negative stride is a ValueError, never the end of the process") {
    xt::xarray<double> array = numbers();
    auto flipped = xt::flip(array, 1);
    const std::string message = message_of<c10::ValueError>([&] { xtt::borrow(flipped); });
    CHECK(is_plain_sentence(message));
    CHECK(contains(message, "xtt::copy(x)"));
    CHECK(at::equal(xtt::copy(flipped), xtt::copy(array).flip({1})));
}

// Memory that is aligned for std::complex<float> and not for c10::complex<float>.
template <class T>
struct shifted_allocator {
    using value_type = T;

    shifted_allocator() = default;
    template <class U>
    shifted_allocator(const shifted_allocator<U>&) noexcept {}

    T* allocate(std::size_t count) {
        return reinterpret_cast<T*>(static_cast<char*>(::operator new(count * sizeof(T) + alignof(T))) + alignof(T));
    }
    void deallocate(T* pointer, std::size_t) { ::operator delete(reinterpret_cast<char*>(pointer) - alignof(T)); }
    bool operator==(const shifted_allocator&) const = default;
};

TEST_CASE("a container that adopt refuses is left as it was") {
    using complex = std::complex<float>;
    using container = xt::xtensor_container<xt::uvector<complex, shifted_allocator<complex>>, 1>;
    container a = {complex(1, 2), complex(3, 4)};
    const complex* const elements = a.data();
    CHECK(contains(message_of<c10::ValueError>([&] { xtt::adopt(std::move(a)); }), "xtt::copy(x)"));
    CHECK(a.data() == elements);
    CHECK((a.size() == 2 && a(1) == complex(3, 4)));

    // Elements inside the container move with it.
    xt::xtensor_fixed<complex, xt::xshape<2>> fixed = {complex(1, 2), complex(3, 4)};
    CHECK(xtt::adopt(std::move(fixed)).numel() == 2);
}

TEST_CASE("elements less aligned than LibTorch needs are a ValueError") {
    alignas(16) static float memory[8] = {};
    auto* misaligned = reinterpret_cast<std::complex<float>*>(memory + 1);
    auto adaptor = xt::adapt(misaligned, 2, xt::no_ownership(), std::array<std::size_t, 1>{2});
    CHECK(contains(message_of<c10::ValueError>([&] { xtt::borrow(adaptor); }), "xtt::copy(x)"));
}

TEST_CASE("doubles arrive as doubles") {
    xt::xarray<double> array = numbers();
    CHECK(xtt::borrow(array).scalar_type() == at::kDouble);
    CHECK(xtt::borrow(array)[1][2].item<double>() == 6.0);
}

TEST_CASE("a tensor borrowed under InferenceMode is of the kind of the one it shares memory with") {
    at::Tensor normal = counting({2, 3});
    at::Tensor inference;
    const auto version = [&] { return normal._version(); };
    {
        const c10::InferenceMode mode;
        inference = counting({2, 3});
        auto view = xtt::view<float, 2>(normal);
        at::Tensor row = xtt::borrow(xt::view(view, 1));
        CHECK(!row.is_inference());
        const auto before = version();
        row.fill_(7);
        CHECK(version() > before);
        auto other = xtt::view<float, 2>(inference);
        CHECK(xtt::borrow(xt::view(other, 1)).is_inference());
    }
    CHECK(normal[1][2].item<float>() == 7.0f);
    auto view = xtt::view<float, 2>(inference);
    CHECK(xtt::borrow(xt::view(view, 1)).is_inference());
}

TEST_CASE("a view of a tensor view becomes a tensor that shares and keeps the storage") {
    at::Tensor part;
    {
        at::Tensor tensor = counting({4, 6});
        auto view = xtt::view<float, 2>(tensor);
        part = xtt::borrow(xt::view(view, xt::range(1, 3), 2));
        CHECK(part.storage_offset() == 8);
        CHECK(part.is_alias_of(tensor));
        CHECK(at::equal(part, tensor.slice(0, 1, 3).select(1, 2)));
        part.fill_(-1);
        CHECK(view(2, 2) == -1.0f);
        CHECK(at::equal(xtt::borrow(xt::transpose(view)), tensor.t()));
        CHECK(xtt::borrow(view).is_alias_of(tensor));
        const auto version = tensor._version();
        part.add_(1);
        CHECK(tensor._version() == version + 1);
    }
    CHECK(part[0].item<float>() == 0.0f);
}

// ---- adopt
// --------------------------------------------------------------------------------------------------------------

// An allocator that counts its live blocks, so that a buffer freed twice, or never, is seen.
template <class T>
struct counting_allocator : std::allocator<T> {
    template <class U>
    struct rebind {
        using other = counting_allocator<U>;
    };
    counting_allocator() = default;
    template <class U>
    counting_allocator(const counting_allocator<U>&) {}
    T* allocate(std::size_t n) {
        ++live;
        return std::allocator<T>::allocate(n);
    }
    void deallocate(T* memory, std::size_t n) {
        --live;
        std::allocator<T>::deallocate(memory, n);
    }
    inline static int live = 0;
};

TEST_CASE("an adopted buffer is not copied, and is freed once with the last tensor on it") {
    using container = xt::xarray<double, xt::layout_type::row_major, counting_allocator<double>>;
    const int before = counting_allocator<double>::live;
    {
        at::Tensor row;
        {
            container array = {{1, 2, 3}, {4, 5, 6}};
            const double* data = array.data();
            const at::Tensor tensor = xtt::adopt(std::move(array));
            CHECK(tensor.const_data_ptr() == data);
            CHECK(at::equal(tensor, xtt::copy(numbers())));
            row = tensor[1];
        }
        CHECK(counting_allocator<double>::live == before + 1);
        CHECK(row[2].item<double>() == 6.0);
    }
    CHECK(counting_allocator<double>::live == before);
}

TEST_CASE("a view keeps an adopted buffer alive") {
    at::Tensor tensor = xtt::adopt(numbers());
    const auto view = xtt::view<const double, 2>(tensor);
    tensor.reset();
    CHECK(view(1, 2) == 6.0);
}

TEST_CASE("a shared_ptr is shared by the tensor and its other holders") {
    auto array = std::make_shared<xtt::shared_array<double>>(numbers());
    at::Tensor tensor = xtt::adopt(array);
    CHECK(array.use_count() == 2);
    tensor[0][0] = 10.0;
    CHECK((*array)(0, 0) == 10.0);
    const at::Tensor second = tensor;
    tensor.reset();
    CHECK(array.use_count() == 2);
    std::weak_ptr<xtt::shared_array<double>> weak = array;
    array.reset();
    CHECK(second[1][2].item<double>() == 6.0);
    CHECK(weak.use_count() == 1);
    const at::Tensor third = xtt::adopt(weak.lock());
    CHECK(weak.use_count() == 2);
}

TEST_CASE("whatever is assigned to a shared container, the tensor stays on live memory") {
    const auto shared = std::make_shared<xtt::shared_array<float>>(xtt::shared_array<float>{{1, 2}, {3, 4}});
    at::Tensor tensor = xtt::adopt(shared);
    const auto is = [&](std::initializer_list<float> expected) {
        return at::equal(tensor, at::tensor(std::vector<float>(expected)).view({2, 2}));
    };
    *shared += 1.0f;
    CHECK(is({2, 3, 4, 5}));
    *shared = *shared * 2.0f;
    CHECK(is({4, 6, 8, 10}));
    *shared = xt::transpose(*shared);
    CHECK(is({4, 8, 6, 10}));
    *shared = {{1, 2}, {3, 4}};
    CHECK(is({1, 2, 3, 4}));
    *shared = xtt::shared_array<float>{{5, 6}, {7, 8}};
    CHECK(is({5, 6, 7, 8}));
    *shared = *shared - xt::xarray<float>{{1, 2}};
    CHECK(is({4, 4, 6, 6}));
    xt::view(*shared, 0) = xtt::view<const float>(tensor[1]) * 3.0f;
    CHECK(is({18, 18, 6, 6}));
    *shared = xtt::view<const float>(tensor) + 1.0f;
    CHECK(is({19, 19, 7, 7}));
    *shared = xtt::view<const float>(tensor.t()) * 1.0f;
    CHECK(is({19, 7, 19, 7}));
    tensor.sub_(1);
    CHECK((*shared)(1, 1) == 6.0f);

    // Other memory for the container; the tensor keeps the elements it has.
    xtt::shared_array<float> other = {9, 9, 9};
    std::swap(*shared, other);
    CHECK(is({18, 6, 18, 6}));
    *shared = xt::ones<float>({5});
    shared->resize({100});
    other.resize({1});
    CHECK(is({18, 6, 18, 6}));

    xtt::shared_tensor<std::complex<double>, 1> complex = {{1, 2}, {3, 4}};
    const auto copy = complex;
    complex *= 2.0;
    CHECK((copy(1) == std::complex<double>(3, 4) && complex(1) == std::complex<double>(6, 8)));
    const auto fixed =
        std::make_shared<xt::xtensor_fixed<float, xt::xshape<2>>>(xt::xtensor_fixed<float, xt::xshape<2>>{1, 2});
    const at::Tensor in_object = xtt::adopt(fixed);
    *fixed = *fixed * 4.0f;
    CHECK(in_object[1].item<float>() == 8.0f);
    for (std::size_t size = 0; size < 70; ++size) {
        CHECK(xtt::adopt(std::make_shared<xtt::shared_tensor<std::complex<double>, 1>>(
                             xtt::shared_tensor<std::complex<double>, 1>::from_shape({size})))
                  .numel() == static_cast<std::int64_t>(size));
    }
}

TEST_CASE("an empty shared_ptr is a ValueError") {
    const std::shared_ptr<xtt::shared_array<double>> nothing;
    CHECK(contains(message_of<c10::ValueError>([&] { xtt::adopt(nothing); }), "empty"));
}

TEST_CASE("containers of every kind are adopted") {
    SECTION("column-major") {
        xt::xtensor<float, 2, xt::layout_type::column_major> array = {{1, 2}, {3, 4}};
        const at::Tensor tensor = xtt::adopt(std::move(array));
        CHECK(tensor.strides() == at::IntArrayRef({1, 2}));
        CHECK(tensor[0][1].item<float>() == 2.0f);
    }
    SECTION("fixed shape, whose elements lie in the object") {
        xt::xtensor_fixed<float, xt::xshape<2, 2>> array = {{1, 2}, {3, 4}};
        CHECK(xtt::adopt(std::move(array))[1][0].item<float>() == 3.0f);
    }
    SECTION("an adaptor that owns a std::vector") {
        std::vector<float> memory = {1, 2, 3, 4};
        const float* data = memory.data();
        const at::Tensor tensor = xtt::adopt(xt::adapt(std::move(memory), {2, 2}));
        CHECK(tensor.const_data_ptr() == data);
        CHECK(tensor[1][1].item<float>() == 4.0f);
    }
    SECTION("0-d") { CHECK(xtt::adopt(xt::xarray<float>(5.0f)).item<float>() == 5.0f); }
    SECTION("empty") {
        CHECK(xtt::adopt(xt::xarray<float>::from_shape({3, 0, 2})).sizes() == at::IntArrayRef({3, 0, 2}));
    }
    SECTION("a temporary") { CHECK(xtt::adopt(xt::eval(numbers() * 2.0))[1][2].item<double>() == 12.0); }
}

// ---- copy
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE("a copy has the expression's shape, values and dtype, and its own memory") {
    const xt::xarray<double> array = numbers();
    const at::Tensor tensor = xtt::copy(array);
    CHECK(tensor.scalar_type() == at::kDouble);
    CHECK(tensor.const_data_ptr() != array.data());
    CHECK(tensor.is_contiguous());
    CHECK(tensor.storage().resizable());
    same_elements(tensor, array);
}

TEST_CASE("expressions of every kind are copied") {
    const xt::xarray<double> array = numbers();
    same_elements(xtt::copy(2.0 * array + 1.0), xt::eval(2.0 * array + 1.0));
    same_elements(xtt::copy(xt::transpose(array)), xt::eval(xt::transpose(array)));
    same_elements(xtt::copy(xt::view(array, 1, xt::range(0, 3, 2))), xt::xarray<double>{4, 6});
    same_elements(xtt::copy(xt::flip(array, 0)), xt::eval(xt::flip(array, 0)));
    same_elements(xtt::copy(xt::sum(array, {0})), xt::xarray<double>{5, 7, 9});
    same_elements(xtt::copy(xt::sum(array)), xt::xarray<double>(21.0));
    same_elements(xtt::copy(xt::arange<int>(5)), xt::xarray<int>{0, 1, 2, 3, 4});
    same_elements(xtt::copy(xt::broadcast(array, {2, 2, 3})), xt::eval(xt::broadcast(array, {2, 2, 3})));
    same_elements(xtt::copy(xt::xscalar<float>(3.0f)), xt::xarray<float>(3.0f));
    same_elements(xtt::copy(xt::ones<float>({0, 3})), xt::xarray<float>(xt::ones<float>({0, 3})));
    same_elements(xtt::copy(xt::xtensor_fixed<int, xt::xshape<2>>{1, 2}), xt::xarray<int>{1, 2});
    same_elements(xtt::copy(xt::xtensor<float, 2, xt::layout_type::column_major>{{1, 2}, {3, 4}}),
                  xt::xarray<float>{{1, 2}, {3, 4}});
    CHECK(xtt::copy(array > 3.0).scalar_type() == at::kBool);
    CHECK(xtt::copy(array > 3.0).sum().item<int>() == 3);
}

TEST_CASE("a copy converts while it evaluates when a dtype is asked for") {
    const xt::xarray<double> array = {{1.5, -2.5}, {1e10, 0.1}};
    const at::Tensor tensor = xtt::copy<float>(array);
    CHECK(tensor.scalar_type() == at::kFloat);
    CHECK(at::equal(tensor, xtt::copy(array).to(at::kFloat)));
    CHECK(xtt::copy<std::int64_t>(xt::xarray<int>{1, 2}).scalar_type() == at::kLong);
    CHECK(xtt::copy<c10::Half>(array * 1e-10)[1][0].item<double>() == 1.0);
    CHECK(xtt::copy<std::complex<double>>(array).is_complex());
}

TEST_CASE("a copy of a view is independent of the tensor behind it") {
    at::Tensor tensor = counting({2, 3});
    const at::Tensor copied = xtt::copy(xtt::view<const float>(tensor));
    tensor.zero_();
    CHECK(at::equal(copied, counting({2, 3})));
}

}  // namespace
