#include "support/counted_allocations.hpp"
#include "support/testing.hpp"

#include <xtensor-torch/adopt.hpp>
#include <xtensor-torch/borrow.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/ops/_efficientzerotensor.h>
#include <ATen/ops/_lazy_clone.h>
#include <ATen/ops/_make_dual.h>
#include <ATen/ops/_nested_tensor_from_tensor_list.h>
#include <ATen/ops/complex.h>
#include <ATen/ops/imag.h>
#include <ATen/ops/quantize_per_tensor.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/COW.h>
#include <torch/csrc/autograd/forward_grad.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numeric>
#include <optional>
#include <random>
#include <ranges>
#include <vector>

using namespace testing;

namespace {

// A tensor that says it is on a device this machine need not have.
at::Tensor pretend_on(at::Device device, at::DispatchKey key) {
    c10::Storage storage(c10::Storage::use_byte_size_t(), 24, c10::DataPtr(nullptr, device), nullptr, false);
    auto tensor = at::detail::make_tensor<at::TensorImpl>(std::move(storage), c10::DispatchKeySet(key),
                                                          caffe2::TypeMeta::Make<float>());
    tensor.unsafeGetTensorImpl()->set_sizes_contiguous({2, 3});
    return tensor;
}

// The message of the refusal to view `tensor` as T, after the checks that all messages share.
template <class Exception, class T = float, std::size_t N = xtt::dynamic_rank,
          xt::layout_type L = xt::layout_type::dynamic>
std::string refusal(at::Tensor tensor) {
    const std::string message = message_of<Exception>([&] { xtt::view<T, N, L>(tensor); });
    CHECK(is_plain_sentence(message));
    CHECK(message.rfind("view: ", 0) == 0);
    return message;
}

// ---- what is refused, in the order of the checks -------------------------------------------------------------------

TEST_CASE("1: an undefined tensor is a ValueError") {
    CHECK(contains(refusal<c10::ValueError>(at::Tensor()), "undefined"));
}

TEST_CASE("2: a tensor that wraps another one is a TypeError") {
    CHECK(contains(refusal<c10::TypeError>(at::functorch::makeBatched(counting({2, 3}), 0, 1)), "wraps another one"));
    CHECK(contains(refusal<c10::TypeError>(at::_nested_tensor_from_tensor_list({counting({2}), counting({3})})),
                   "wraps another one"));
    const at::Tensor python_subclass = counting({2});
    python_subclass.unsafeGetTensorImpl()->set_python_dispatch(true);
    CHECK(contains(refusal<c10::TypeError>(python_subclass), "Python subclass"));
    python_subclass.unsafeGetTensorImpl()->set_python_dispatch(false);
    const at::Tensor without_storage = at::detail::make_tensor<at::TensorImpl>(
        c10::DispatchKeySet(at::DispatchKey::CPU), caffe2::TypeMeta::Make<float>(), at::kCPU);
    CHECK(contains(refusal<c10::TypeError>(without_storage), "no storage"));
}

TEST_CASE("3: a tensor that is not strided is a TypeError") {
    CHECK(contains(refusal<c10::TypeError>(counting({2, 2}).to_sparse()), "tensor.to_dense()"));
    CHECK(contains(refusal<c10::TypeError>(counting({2, 2}).to_sparse_csr()), "tensor.to_dense()"));
    CHECK(contains(refusal<c10::TypeError>(counting({2, 2}).to_mkldnn()), "tensor.to_dense()"));
}

TEST_CASE("4: a tensor that is not in host memory is a TypeError that names the device and to_host") {
    const std::string on_cuda = refusal<c10::TypeError>(pretend_on(at::Device(at::kCUDA, 0), at::DispatchKey::CUDA));
    CHECK(contains(on_cuda, "cuda:0"));
    CHECK(contains(on_cuda, "xtt::to_host<float>(tensor)"));
    CHECK(contains(refusal<c10::TypeError>(pretend_on(at::Device(at::kXPU, 1), at::DispatchKey::XPU)), "xpu:1"));
    CHECK(contains(refusal<c10::TypeError>(at::empty({2}, at::TensorOptions().device(at::kMeta))), "nothing to copy"));
}

TEST_CASE("5: a tensor whose bytes are not its values is an Error that names the remedy") {
    const at::Tensor complex = at::zeros({2}, at::kComplexFloat);
    CHECK(contains(refusal<c10::Error, std::complex<float>>(complex.conj()), "tensor.resolve_conj()"));
    CHECK(contains(refusal<c10::Error>(at::imag(complex.conj())), "tensor.resolve_neg()"));
    CHECK(contains(refusal<c10::Error>(at::_efficientzerotensor({2}, at::TensorOptions().dtype(at::kFloat))),
                   "zero tensor"));
}

TEST_CASE("6: a tensor that requires grad is an Error while gradients are recorded") {
    at::Tensor tensor = counting({2}).requires_grad_();
    CHECK(contains(refusal<c10::Error>(tensor), "tensor.detach()"));
    CHECK(contains(refusal<c10::Error, const float>(tensor * 2), "tensor.detach()"));
    CHECK(xtt::view<const float>(tensor.detach())(1) == 1.0f);
    const c10::NoGradGuard unrecorded;
    CHECK(xtt::view<const float>(tensor)(1) == 1.0f);
}

TEST_CASE("7: another dtype is a TypeError that names both and the conversion") {
    const std::string message = refusal<c10::TypeError, float>(at::zeros({2}, at::kDouble));
    CHECK(message ==
          "view: the tensor is float64; a view of float needs float32. Convert it first: tensor.to(torch::kFloat32).");
    CHECK(contains(refusal<c10::TypeError, std::int64_t>(counting({2})), "torch::kInt64"));
    CHECK(contains(refusal<c10::TypeError, const bool>(counting({2})), "torch::kBool"));
    const at::Tensor quantized = at::quantize_per_tensor(counting({2}), 0.1, 0, at::kQInt8);
    CHECK(contains(refusal<c10::TypeError, std::int8_t>(quantized), "tensor.dequantize()"));
}

TEST_CASE("8: another rank is a ValueError that names both") {
    const std::string message = refusal<c10::ValueError, float, 3>(counting({2, 3}));
    CHECK(contains(message, "2 dimensions"));
    CHECK(contains(message, "[2, 3]"));
    CHECK(contains(message, "rank 3"));
    CHECK(contains(refusal<c10::ValueError, float, 1>(at::zeros({})), "0 dimensions"));
}

TEST_CASE("9: a tensor that is not contiguous as the type promises is a ValueError") {
    using enum xt::layout_type;
    CHECK(contains(refusal<c10::ValueError, float, 2, row_major>(counting({2, 3}).t()), "tensor.contiguous()"));
    CHECK(contains(refusal<c10::ValueError, float, 2, column_major>(counting({2, 3})), "leave the layout out"));
    CHECK(xtt::view<const float, 2, column_major>(counting({2, 3}).t())(2, 1) == 5.0f);
    CHECK(xtt::view<const float, 2, row_major>(counting({2, 3}))(1, 2) == 5.0f);
}

TEST_CASE("10: a writable view of overlapping elements is a ValueError, a read-only one is right") {
    const at::Tensor expanded = at::tensor({1.0f, 2.0f}).expand({3, 2});
    const std::string message = refusal<c10::ValueError>(expanded);
    CHECK(contains(message, "view<const T>"));
    CHECK(contains(message, "tensor.clone()"));
    CHECK(xt::sum(xtt::view<const float>(expanded))() == 9.0f);

    const at::Tensor windows = counting({6}).unfold(0, 3, 1);
    CHECK(contains(refusal<c10::ValueError>(windows), "clone()"));
    CHECK(xtt::view<const float, 2>(windows)(3, 2) == 5.0f);
}

TEST_CASE("10: strides that only look like overlap are writable") {
    at::Tensor interleaved = counting({8}).as_strided({3, 2}, {2, 3});  // 0 3, 2 5, 4 7
    auto view = xtt::view<float, 2>(interleaved);
    view = 1.0f;
    CHECK(interleaved.sum().item<float>() == 6.0f);
    at::Tensor touching = counting({8}).as_strided({3, 3}, {2, 1});  // 0 1 2, 2 3 4, …
    CHECK(contains(refusal<c10::ValueError>(touching), "share memory"));
}

TEST_CASE("10: strides overlap exactly where counting the elements says so") {
    std::mt19937 random(7);
    const auto below = [&](std::ptrdiff_t bound) { return static_cast<std::ptrdiff_t>(random() % unsigned(bound)); };
    int distinct = 0;
    for (int i = 0; i < 5000; ++i) {
        std::vector<std::ptrdiff_t> shape(static_cast<std::size_t>(1 + below(4)));
        std::vector<std::ptrdiff_t> strides(shape.size());
        std::generate(shape.begin(), shape.end(), [&] { return 1 + below(5); });
        std::generate(strides.begin(), strides.end(), [&] { return below(40); });
        std::vector<std::ptrdiff_t> offsets = {0};
        for (std::size_t d = 0; d < shape.size(); ++d) {
            const std::size_t count = offsets.size();
            for (std::ptrdiff_t k = 1; k < shape[d]; ++k) {
                for (std::size_t j = 0; j < count; ++j) {
                    offsets.push_back(offsets[j] + k * strides[d]);
                }
            }
        }
        std::sort(offsets.begin(), offsets.end());
        const bool overlap = std::adjacent_find(offsets.begin(), offsets.end()) != offsets.end();
        REQUIRE(xtt::detail::elements_overlap(shape, strides) == overlap);
        distinct += overlap ? 0 : 1;
    }
    CHECK(distinct > 500);
}

TEST_CASE("10: proving that many interleaved elements are distinct takes no memory for each") {
    at::Tensor interleaved = at::empty({100'000'003}, at::kByte).as_strided({50'000'000, 2}, {2, 3});
    CHECK(xtt::view<std::uint8_t, 2>(interleaved).size() == 100'000'000);
}

TEST_CASE("11: a misaligned data pointer is a ValueError") {
    alignas(16) static char memory[64] = {};
    c10::Storage storage(c10::Storage::use_byte_size_t(), 32, c10::DataPtr(memory + 2, at::kCPU), nullptr, false);
    auto tensor = at::detail::make_tensor<at::TensorImpl>(std::move(storage), c10::DispatchKeySet(at::DispatchKey::CPU),
                                                          caffe2::TypeMeta::Make<float>());
    tensor.unsafeGetTensorImpl()->set_sizes_contiguous({4});
    CHECK(contains(refusal<c10::ValueError>(tensor), "clone()"));
}

TEST_CASE("11: a storage that was shrunk under the tensor is a ValueError") {
    at::Tensor tensor = counting({4});
    tensor.storage().unsafeGetStorageImpl()->set_nbytes(std::size_t{8});
    CHECK(contains(refusal<c10::ValueError>(tensor), "storage"));
}

TEST_CASE("the checks come in their order when several would refuse") {
    // sparse before device and dtype, dtype before rank, rank before layout
    CHECK(contains(refusal<c10::TypeError, int>(counting({2, 2}).to_sparse()), "to_dense"));
    CHECK(contains(refusal<c10::TypeError, int>(at::empty({2}, at::TensorOptions().device(at::kMeta))), "meta"));
    CHECK(contains(refusal<c10::Error, float>(at::zeros({2}, at::kComplexFloat).requires_grad_().conj()), "conj"));
    CHECK(contains(refusal<c10::Error, int>(counting({2}).requires_grad_()), "detach"));
    CHECK(contains(refusal<c10::TypeError, int, 5>(counting({2})), "int32"));
    CHECK(contains(refusal<c10::ValueError, float, 3, xt::layout_type::row_major>(counting({2, 3}).t()), "rank 3"));
}

TEST_CASE("a refused view leaves the tensor as it was") {
    at::Tensor tensor = counting({2, 3});
    const auto uses = tensor.use_count();
    const auto storage_uses = tensor.storage().use_count();
    const auto version = tensor._version();
    CHECK_THROWS_AS(xtt::view<double>(tensor), c10::TypeError);
    CHECK_THROWS_AS((xtt::view<float, 3>(tensor)), c10::ValueError);
    CHECK(tensor.use_count() == uses);
    CHECK(tensor.storage().use_count() == storage_uses);
    CHECK(tensor._version() == version);
    CHECK(tensor.storage().resizable());
}

// ---- what is accepted -----------------------------------------------------------------------------------------------

// Every element of the view against torch's own indexing.
void matches_torch(at::Tensor tensor) {
    INFO("sizes " << tensor.sizes() << ", strides " << tensor.strides());
    const auto view = xtt::view<const float>(tensor);
    REQUIRE(view.dimension() == static_cast<std::size_t>(tensor.dim()));
    REQUIRE(view.size() == static_cast<std::size_t>(tensor.numel()));
    for (std::size_t i = 0; i < view.dimension(); ++i) {
        CHECK(view.shape(i) == static_cast<std::size_t>(tensor.size(static_cast<std::int64_t>(i))));
    }
    const at::Tensor flat = tensor.reshape({-1});
    std::int64_t position = 0;
    for (const float value : view) {
        const float expected = flat[position].item<float>();
        REQUIRE(value == expected);
        REQUIRE(view.flat(static_cast<std::size_t>(position)) == expected);
        ++position;
    }
    CHECK(position == tensor.numel());
    const xt::xarray<float> copied = view;
    CHECK(std::equal(copied.begin(), copied.end(), view.begin(), view.end()));
    CHECK(view.is_contiguous() == (view.layout() != xt::layout_type::dynamic));
    if (tensor.is_contiguous()) {
        CHECK(view.layout() == xt::layout_type::row_major);
    }
}

TEST_CASE("all layouts are seen as torch sees them") {
    matches_torch(at::full({}, 3.0f));
    matches_torch(at::empty({0}));
    matches_torch(at::empty({0, 3}));
    matches_torch(at::empty({3, 0, 2}).transpose(0, 2));
    matches_torch(counting({7}));
    matches_torch(counting({2, 3, 4}));
    matches_torch(counting({2, 3, 4}).permute({2, 0, 1}));
    matches_torch(counting({10}).slice(0, 3));
    matches_torch(counting({4, 6}).slice(0, 1, 4, 2).slice(1, 0, 6, 3));
    matches_torch(counting({4, 6}).select(1, 5));
    matches_torch(counting({3}).expand({2, 3}));
    matches_torch(counting({3, 1}).expand({3, 4}));
    matches_torch(counting({1, 3, 1}));
    matches_torch(counting({4, 3}).slice(0, 1, 2));
    matches_torch(counting({4, 3}).t().slice(1, 2, 3));
    matches_torch(counting({2, 2, 2, 2, 2, 2}));
}

TEST_CASE("column-major tensors have their layout where the type promises it") {
    using enum xt::layout_type;
    const at::Tensor transposed = counting({3, 4}).t();
    CHECK(xtt::view<const float, 2, column_major>(transposed).layout() == column_major);
    CHECK(xtt::view<const float, 2, column_major>(transposed).is_contiguous());
    CHECK(xtt::view<const float>(transposed).layout() == dynamic);
}

TEST_CASE("a dimension of size 1 has xtensor's stride and broadcasts") {
    const at::Tensor column = counting({3, 1});
    const auto view = xtt::view<const float, 2>(column);
    CHECK(view.strides()[1] == 0);
    const xt::xtensor<float, 2> sum = view + xt::xtensor<float, 2>{{10, 20}};
    CHECK(sum(2, 1) == 22.0f);
}

TEST_CASE("inference tensors are viewed and written, inside and outside inference mode") {
    at::Tensor tensor;
    {
        const c10::InferenceMode inference;
        tensor = counting({3});
        xtt::view<float>(tensor) += 1.0f;
    }
    xtt::view<float>(tensor) += 1.0f;
    CHECK(tensor[2].item<float>() == 4.0f);
}

TEST_CASE("a view converts to one that promises less") {
    using writable = xtt::tensor_view<float, 2>;
    using any_rank = xtt::tensor_view<float>;
    using row_major = xtt::tensor_view<float, 2, xt::layout_type::row_major>;
    using reading = xtt::tensor_view<const float, 2>;
    using reading_any_rank = xtt::tensor_view<const float>;
    static_assert(std::is_convertible_v<writable&, reading> && std::is_convertible_v<const writable&, reading>);
    static_assert(std::is_convertible_v<writable&, any_rank> && !std::is_convertible_v<const writable&, any_rank>);
    static_assert(std::is_convertible_v<row_major&, writable> && !std::is_convertible_v<writable&, row_major>);
    static_assert(std::is_convertible_v<reading&, reading_any_rank> && !std::is_convertible_v<reading&, writable>);
    static_assert(!std::is_convertible_v<any_rank&, writable>);
    static_assert(!std::is_convertible_v<xtt::tensor_view<const double, 2>&, reading>);

    at::Tensor tensor = counting({3, 4}).t().slice(0, 1, 3);
    auto view = xtt::view<float, 2>(tensor);
    const auto sum = [](const reading_any_rank& read) { return xt::sum(read)(); };
    CHECK(sum(view) == tensor.sum().item<float>());
    any_rank other = view;
    other(1, 2) = -1.0f;
    CHECK(tensor[1][2].item<float>() == -1.0f);
    const reading read = view;
    CHECK(xt::all(xt::equal(read, view)));
    CHECK(read.tensor().is_same(tensor));
    const auto before = tensor._version();
    {
        const any_rank last = xtt::view<float, 2>(tensor);
    }
    CHECK(tensor._version() > before);
    at::Tensor empty = at::zeros({0, 3});
    CHECK(sum(xtt::view<float, 2>(empty)) == 0.0f);
}

TEST_CASE("a view of static rank allocates nothing") {
    at::Tensor tensor = counting({3, 4});
    const std::size_t before = allocations;
    {
        auto view = xtt::view<float, 2>(tensor);
        view(1, 1) = 2.0f;
        view += 1.0f;
        const auto second = view;
        const auto read_only = xtt::view<const float, 2>(tensor);
        const auto ordered = xtt::view<float, 2, xt::layout_type::row_major>(tensor);
        const auto dynamic = xtt::view<float>(tensor);  // up to rank 4
    }
    CHECK(nothing_allocated_since(before));
}

// ---- what xtensor's adaptors get wrong ------------------------------------------------------------------------------

TEST_CASE("an assigned view writes into the tensor where an assigned adaptor rebinds") {
    at::Tensor target = at::zeros({3});
    at::Tensor source = counting({3});
    xtt::view<float, 1>(target) = xtt::view<float, 1>(source);
    CHECK(at::equal(target, source));
    CHECK(target.const_data_ptr() != source.const_data_ptr());
}

TEST_CASE("an expression of another shape with as many elements does not reshape the view") {
    at::Tensor tensor = counting({2, 3});
    auto view = xtt::view<float>(tensor);
    CHECK_THROWS_AS(view = xt::xarray<float>(xt::ones<float>({3, 2})), c10::ValueError);
    CHECK(view.shape(0) == 2);
    CHECK(at::equal(tensor, counting({2, 3})));
}

TEST_CASE("filling a stepped view leaves the elements between alone") {
    at::Tensor tensor = at::zeros({6});
    at::Tensor even = tensor.slice(0, 0, 6, 2);
    xtt::view<float>(even).fill(1.0f);
    xtt::view<float>(even) *= 3.0f;
    CHECK(at::equal(tensor, at::tensor({3.0f, 0.0f, 3.0f, 0.0f, 3.0f, 0.0f})));
}

TEST_CASE("a reduction over a stepped view sees its elements only") {
    const at::Tensor stepped = counting({9}).slice(0, 0, 9, 2);
    const auto view = xtt::view<const float, 1>(stepped);
    CHECK(xt::sum(view)() == 20.0f);
    CHECK(xt::sum(view, xt::evaluation_strategy::immediate)() == 20.0f);
    CHECK(std::abs(xt::variance(view, {0})() - 8.0f) < 1e-5f);
    CHECK(xt::amax(view)() == 8.0f);
}

// ---- lifetime
// ---------------------------------------------------------------------------------------------------------

TEST_CASE("the view keeps the storage alive when the tensor goes") {
    std::optional<xtt::tensor_view<float, 1>> view;
    {
        at::Tensor tensor = counting({1000});
        view.emplace(xtt::view<float, 1>(tensor));
        tensor.reset();
    }
    CHECK((*view)(999) == 999.0f);
    CHECK(view->tensor().use_count() == 1);
    view.reset();
}

TEST_CASE("the view keeps the storage alive when the tensor is set to another") {
    at::Tensor tensor = counting({4});
    auto view = xtt::view<float, 1>(tensor);
    tensor.set_(at::zeros({2}));
    CHECK(view(3) == 3.0f);
    view(3) = 5.0f;
    CHECK(view(3) == 5.0f);
    CHECK(tensor.numel() == 2);
}

TEST_CASE("the storage is freed exactly once, when the last of view and tensor goes") {
    int freed = 0;
    std::vector<float> memory(4);
    {
        std::optional<xtt::tensor_view<float, 1>> view;
        {
            c10::Storage storage(c10::Storage::use_byte_size_t(), 16,
                                 c10::DataPtr(
                                     memory.data(), &freed, [](void* count) { ++*static_cast<int*>(count); }, at::kCPU),
                                 nullptr, false);
            auto tensor = at::detail::make_tensor<at::TensorImpl>(
                std::move(storage), c10::DispatchKeySet(at::DispatchKey::CPU), caffe2::TypeMeta::Make<float>());
            tensor.unsafeGetTensorImpl()->set_sizes_contiguous({4});
            view.emplace(xtt::view<float, 1>(tensor));
        }
        const auto copy = *view;
        view.reset();
        CHECK(freed == 0);
    }
    CHECK(freed == 1);
}

TEST_CASE("a tensor that has been viewed refuses to be resized to other memory") {
    at::Tensor tensor = counting({4});
    const auto view = xtt::view<const float, 1>(tensor);
    CHECK_THROWS_AS(tensor.resize_({4000}), c10::Error);
    CHECK(view(3) == 3.0f);
    tensor.resize_({2});  // needs no other memory
    CHECK(view(3) == 3.0f);
}

TEST_CASE("the view gives the tensor back") {
    at::Tensor tensor = counting({2, 3});
    const auto view = xtt::view<const float>(tensor);
    CHECK(view.tensor().is_same(tensor));
    CHECK(xtt::view<const float>(tensor).tensor().is_same(tensor));
    CHECK(&view.tensor() == &view.tensor());
}

TEST_CASE("a read-only view leaves copy-on-write storage shared, a writable one takes its own") {
    const auto is_shared = [](const at::Tensor& tensor) {
        return c10::impl::cow::is_cow_data_ptr(tensor.storage().unsafeGetStorageImpl()->data_ptr());
    };
    at::Tensor original = counting({4});
    at::Tensor clone = at::_lazy_clone(original);
    REQUIRE(is_shared(clone));
    {
        const auto view = xtt::view<const float, 1>(clone);
        CHECK(view.data() == original.const_data_ptr());
        CHECK(is_shared(clone));
        CHECK(is_shared(original));
    }
    auto view = xtt::view<float, 1>(clone);
    CHECK_FALSE(is_shared(clone));
    view(0) = 9.0f;
    CHECK(original[0].item<float>() == 0.0f);
    CHECK(clone[0].item<float>() == 9.0f);
}

TEST_CASE("a read-only view of copy-on-write storage outlives both tensors' writes") {
    at::Tensor original = counting({4});
    at::Tensor clone = at::_lazy_clone(original);
    const auto view = xtt::view<const float, 1>(clone);
    clone.add_(1);     // takes memory of its own
    original.add_(1);  // so does this one
    original.reset();
    clone.reset();
    CHECK(view(3) == 3.0f);
}

TEST_CASE("a storage that has been viewed is not cloned lazily") {
    const auto owner = GENERATE(0, 1);
    xt::xtensor<float, 1> array = xt::arange<float>(4);
    at::Tensor tensor = owner == 0 ? counting({4}) : xtt::borrow(array);
    {
        const auto view = xtt::view<const float, 1>(std::as_const(tensor));
        CHECK_THROWS_AS(at::_lazy_clone(tensor), c10::Error);
        tensor.add_(1);
        CHECK(view(3) == 4.0f);
    }
    CHECK_THROWS_AS(at::_lazy_clone(tensor), c10::Error);
    CHECK_THROWS_AS(tensor.detach().resize_({100}), c10::Error);
    CHECK(at::equal(tensor.clone(), counting({4}) + 1));
    CHECK(at::equal(at::_lazy_clone(tensor.clone()), tensor));
}

TEST_CASE("a tensor over the memory of a container is not cloned lazily, and stays on that memory") {
    xt::xarray<float> array = {1, 2, 3};
    at::Tensor borrowed = xtt::borrow(array);
    CHECK_THROWS_AS(at::_lazy_clone(borrowed), c10::Error);
    borrowed.fill_(4);
    CHECK(array(2) == 4.0f);
    at::Tensor adopted = xtt::adopt(std::move(array));
    CHECK_THROWS_AS(at::_lazy_clone(adopted), c10::Error);
}

TEST_CASE("6: a tensor with a tangent is refused as one that requires grad is") {
    const auto level = torch::autograd::ForwardADLevel::get_next_idx();
    at::Tensor plain = counting({3});
    at::Tensor dual = at::_make_dual(plain, at::ones({3}), static_cast<std::int64_t>(level));
    CHECK(contains(refusal<c10::Error>(dual), "tensor.detach()"));
    CHECK(contains(refusal<c10::Error>(dual.slice(0, 1, 3)), "tensor.detach()"));
    CHECK(xtt::view<const float>(dual.detach())(2) == 2.0f);
    CHECK(xtt::view<const float>(plain)(2) == 2.0f);
    torch::autograd::ForwardADLevel::release_idx(level);
    CHECK(xtt::view<const float>(dual)(2) == 2.0f);
}

// ---- autograd
// ---------------------------------------------------------------------------------------------------------

TEST_CASE("a writable view raises the tensor's version when made, at each assignment, and when it goes") {
    at::Tensor tensor = counting({3});
    const auto start = tensor._version();
    {
        auto view = xtt::view<float>(tensor);
        CHECK(tensor._version() == start + 1);
        view = 1.0f;
        CHECK(tensor._version() == start + 2);
        view += 1.0f;
        CHECK(tensor._version() == start + 3);
        view = view * 2.0f;
        CHECK(tensor._version() == start + 4);
        view(0) = 3.0f;
        CHECK(tensor._version() == start + 4);
    }
    CHECK(tensor._version() == start + 5);
}

TEST_CASE("a read-only view leaves the version alone") {
    at::Tensor tensor = counting({3});
    const auto start = tensor._version();
    {
        const auto view = xtt::view<const float>(tensor);
        CHECK(xt::sum(view)() == 3.0f);
    }
    CHECK(tensor._version() == start);
}

TEST_CASE("a moved view raises the version once when it goes") {
    at::Tensor tensor = counting({3});
    const auto start = tensor._version();
    {
        auto view = xtt::view<float>(tensor);
        const auto moved = std::move(view);
    }
    CHECK(tensor._version() == start + 2);
}

TEST_CASE("backward refuses a saved tensor that was written through a view") {
    const at::Tensor weight = at::ones({3}).requires_grad_();
    at::Tensor input = counting({3});
    const at::Tensor loss = (weight * input).sum();
    xtt::view<float>(input)(0) = 5.0f;
    const std::string message = [&] {
        try {
            loss.backward();
        } catch (const c10::Error& error) {
            return std::string(error.what_without_backtrace());
        }
        return std::string();
    }();
    CHECK(contains(message, "modified by an inplace operation"));
}

TEST_CASE("backward refuses a saved tensor that is written through a view made before") {
    const at::Tensor weight = at::ones({3}).requires_grad_();
    at::Tensor input = counting({3});
    auto view = std::make_optional(xtt::view<float>(input));
    const at::Tensor loss = (weight * input).sum();
    SECTION("by an assignment") { *view = 1.0f; }
    SECTION("by an element, once the view is gone") {
        (*view)(1) = 5.0f;
        view.reset();
    }
    CHECK_THROWS_AS(loss.backward(), c10::Error);
}

TEST_CASE("backward refuses a saved tensor of which a part is written through a view made before") {
    using view = xtt::tensor_view<float, 2>;
    const std::function<void(view&)> writes[] = {
        [](view& v) { xt::view(v, 0) = 2.0f * xt::view(v, 1); },
        [](view& v) { xt::row(v, 0) += 1.0f; },
        [](view& v) { xt::noalias(xt::col(v, 0)) = xt::ones<float>({2}); },
        [](view& v) { xt::strided_view(v, {xt::all(), 1}) = xt::xtensor<float, 1>{1, 2}; },
        [](view& v) { xt::view(xt::view(v, 0), xt::range(0, 1)) = xt::xtensor<float, 1>{1}; },
        [](view& v) {
            xt::index_view(v, std::vector<std::array<std::size_t, 2>>{{0, 0}, {1, 1}}) = xt::xtensor<float, 1>{1, 2};
        },
        [](view& v) {
            std::fill(v.begin(), v.end(), 1.0f);
            v.written();
        },
    };
    for (const auto& write : writes) {
        at::Tensor weight = counting({2, 2}).requires_grad_();
        at::Tensor x = counting({2, 2});
        auto early = xtt::view<float, 2>(x);
        at::Tensor loss = (weight * x).sum();
        write(early);
        CHECK(contains(message_of<c10::Error>([&] { loss.backward(); }), "modified by an inplace operation"));
    }
}

TEST_CASE("backward accepts a saved tensor that was only read") {
    const at::Tensor weight = at::ones({3}).requires_grad_();
    const at::Tensor input = counting({3});
    const at::Tensor loss = (weight * input).sum();
    CHECK(xt::sum(xtt::view<const float>(input))() == 3.0f);
    loss.backward();
    CHECK(at::equal(weight.grad(), input));
}

// ---- as an xtensor expression ---------------------------------------------------------------------------------------

TEST_CASE("a view is sliced, reduced, compared, printed and iterated as an xtensor") {
    at::Tensor tensor = counting({2, 3});
    auto view = xtt::view<float, 2>(tensor);
    CHECK(xt::view(view, 1, xt::range(0, 2))(1) == 4.0f);
    xt::view(view, xt::all(), 0) = -1.0f;
    CHECK(tensor[1][0].item<float>() == -1.0f);
    CHECK(xt::amax(view)() == 5.0f);
    CHECK(xt::all(view < 6.0f));
    CHECK((view == xt::xarray<float>(view)));
    std::ostringstream text;
    text << view;
    CHECK(contains(text.str(), "5."));
    CHECK(std::accumulate(view.begin(), view.end(), 0.0f) == 10.0f);
    CHECK(*view.rbegin() == 5.0f);
    CHECK(*view.begin<xt::layout_type::column_major>() == -1.0f);
    CHECK(view.at(1, 2) == 5.0f);
    CHECK_THROWS(view.at(2, 0));
}

TEST_CASE("a copied view is a second handle on the same elements") {
    at::Tensor tensor = counting({3});
    auto view = xtt::view<float, 1>(tensor);
    auto second = view;
    second(1) = 8.0f;
    CHECK(view(1) == 8.0f);
    CHECK(second.data() == view.data());
}

TEST_CASE("views are swapped, sorted and put where another one was, and no element is written") {
    at::Tensor first = counting({3});
    at::Tensor second = counting({3}) + 10;
    const at::Tensor first_before = first.clone();
    const at::Tensor second_before = second.clone();
    auto a = xtt::view<float>(first);
    auto b = xtt::view<float>(second);
    std::swap(a, b);
    CHECK((a.data() == second.const_data_ptr() && b.data() == first.const_data_ptr()));
    CHECK((a.tensor().is_same(second) && b.tensor().is_same(first)));
    using std::swap;
    swap(a, b);
    CHECK(a.data() == first.const_data_ptr());

    std::vector<xtt::tensor_view<float, 1>> views;
    at::Tensor rows = -counting({40, 3});
    const at::Tensor rows_before = rows.clone();
    for (std::int64_t i = 0; i < rows.size(0); ++i) {
        views.push_back(xtt::view<float, 1>(rows[i]));
    }
    std::sort(views.begin(), views.end(), [](const auto& x, const auto& y) { return x(0) < y(0); });
    CHECK(std::is_sorted(views.begin(), views.end(), [](const auto& x, const auto& y) { return x(0) < y(0); }));
    std::reverse(views.begin(), views.end());
    std::rotate(views.begin(), views.begin() + 7, views.end());
    for (const auto& view : views) {
        CHECK(view.data() == view.tensor().const_data_ptr());
    }

    // Ranks that differ, where only the run knows them.
    at::Tensor matrix = counting({2, 2});
    auto c = xtt::view<float>(matrix);
    std::swap(a, c);
    CHECK((a.dimension() == 2 && c.dimension() == 1 && a(1, 1) == 3.0f && c(2) == 2.0f));

    auto moved = std::move(c);
    c = moved;
    CHECK((c.data() == moved.data() && c.tensor().is_same(first)));

    std::optional<xtt::tensor_view<float>> slot(xtt::view<float>(first));
    slot.emplace(xtt::view<float>(second));
    CHECK(slot->data() == second.const_data_ptr());
    CHECK((at::equal(first, first_before) && at::equal(second, second_before) && at::equal(rows, rows_before)));

    // Elsewhere an assignment writes elements.
    b = xtt::view<float>(first);
    CHECK(at::equal(second, first_before));
}

TEST_CASE("linear iterators step over what lies between the elements") {
    static_assert(noexcept(std::declval<xtt::tensor_view<float>&>().linear_begin()));
    at::Tensor matrix = counting({4, 6});
    const auto check = [](at::Tensor tensor) {
        auto view = xtt::view<float>(tensor);
        const at::Tensor flat = tensor.reshape({-1}).contiguous();
        const std::vector<float> expected(flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel());
        CHECK(std::equal(view.linear_begin(), view.linear_end(), expected.begin(), expected.end()));
        CHECK(std::equal(view.linear_cbegin(), view.linear_cend(), expected.begin(), expected.end()));
        CHECK(std::equal(view.linear_rbegin(), view.linear_rend(), expected.rbegin(), expected.rend()));
        CHECK(std::equal(view.linear_crbegin(), view.linear_crend(), expected.rbegin(), expected.rend()));
        CHECK(std::distance(view.linear_begin(), view.linear_end()) == tensor.numel());
        // xtensor's noexcept function asks for it.
        auto real = xt::real(view);
        CHECK(std::equal(real.linear_begin(), real.linear_end(), expected.begin(), expected.end()));
        *std::prev(view.linear_end()) = -7.0f;
        CHECK(tensor.reshape({-1})[-1].item<float>() == -7.0f);
    };
    check(matrix.clone());
    check(matrix.t().slice(0, 1, 3));
    check(matrix.select(1, 2));
    check(matrix.slice(1, 0, 6, 2));
    at::Tensor complex = at::complex(counting({4, 6}), -counting({4, 6})).slice(1, 0, 6, 2);
    auto view = xtt::view<std::complex<float>>(complex);
    auto imaginary = xt::imag(view);
    CHECK(*(imaginary.linear_begin() + 3) == -6.0f);

    // By columns, the order of the memory.
    const auto turned = xtt::view<const float>(matrix.t());
    const auto whole = xtt::view<const float>(matrix);
    CHECK(std::equal(turned.linear_begin(), turned.linear_end(), whole.begin()));
    const xt::xarray<float, xt::layout_type::column_major> by_columns = turned;
    CHECK((by_columns == turned));
    const auto row_major = xtt::view<const float, 2, xt::layout_type::row_major>(matrix);
    static_assert(std::is_same_v<decltype(row_major.linear_begin()), const float*>);
    const auto empty = xtt::view<const float>(matrix.slice(1, 0, 0));
    CHECK(empty.linear_begin() == empty.linear_end());
}

// Whether a view, or a part of one, iterates over the tensor's elements.
template <class View>
void iterates_over(View view, const at::Tensor& tensor) {
    static_assert(std::random_access_iterator<decltype(view.begin())>);
    static_assert(std::ranges::random_access_range<decltype(view)>);
    const at::Tensor flat = tensor.reshape({-1}).contiguous();
    const std::vector<float> expected(flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel());
    CHECK(std::equal(view.begin(), view.end(), expected.begin(), expected.end()));
    CHECK(std::equal(view.cbegin(), view.cend(), expected.begin(), expected.end()));
    CHECK(std::equal(view.rbegin(), view.rend(), expected.rbegin(), expected.rend()));
    const auto size = static_cast<std::ptrdiff_t>(expected.size());
    bool leaps = view.end() - view.begin() == size;
    auto back = view.end();
    for (std::ptrdiff_t from = size; from-- > 0;) {
        leaps = leaps && *--back == expected[static_cast<std::size_t>(from)];
        for (std::ptrdiff_t to = 0; to <= size; ++to) {
            auto it = view.begin() + from;
            it += to - from;
            leaps = leaps && it - view.begin() == to && (it < view.begin() + from) == (to < from) &&
                    (to == size ? it == view.end() : *it == expected[static_cast<std::size_t>(to)]);
        }
    }
    CHECK(leaps);
    CHECK(back == view.begin());
    auto real = xt::real(view);
    CHECK(std::equal(real.begin(), real.end(), expected.begin(), expected.end()));
    const auto sum = view + view;
    CHECK(std::equal(sum.begin(), sum.end(), xt::eval(sum).begin()));
}

TEST_CASE("iterators go through the elements by rows, forwards, backwards and by leaps") {
    at::Tensor cube = counting({3, 4, 5});
    for (const at::Tensor& tensor : {cube, cube.permute({2, 0, 1}), cube.slice(0, 0, 3, 2).slice(1, 1, 3),
                                     cube.slice(1, 2, 3), cube.slice(2, 0, 0), cube.slice(0, 1, 2).expand({3, 4, 5})}) {
        iterates_over(xtt::view<const float, 3>(tensor), tensor);
        iterates_over(xtt::view<const float>(tensor), tensor);
    }
    at::Tensor turned = at::randn({7, 9}).t();
    auto view = xtt::view<float, 2>(turned);
    std::sort(view.begin(), view.end());
    CHECK(std::is_sorted(view.begin(), view.end()));
    std::ranges::sort(view, std::greater<>());
    CHECK(turned.reshape({-1}).equal(std::get<0>(turned.reshape({-1}).sort(0, true))));
}

TEST_CASE("iterators of parts go through the part by rows") {
    at::Tensor cube = counting({3, 4, 5});
    for (const at::Tensor& tensor : {cube, cube.permute({2, 0, 1}), cube.slice(2, 0, 5, 2), cube.slice(1, 2, 3),
                                     cube.slice(0, 1, 2).expand({3, 4, 5}), cube.slice(1, 0, 0)}) {
        const auto fixed = xtt::view<const float, 3>(tensor);
        const auto open = xtt::view<const float>(tensor);
        const auto compare = [&](auto& view) {
            iterates_over(xt::view(view, xt::range(1, 3)), tensor.slice(0, 1, 3));
            iterates_over(xt::view(view, xt::all(), xt::all(), 1), tensor.select(2, 1));
            iterates_over(xt::view(view, xt::all(), xt::newaxis(), xt::all(), xt::range(1, 3)),
                          tensor.unsqueeze(1).slice(3, 1, 3));
            iterates_over(xt::view(view, xt::range(2, xt::placeholders::_, -2)),
                          tensor.index_select(0, at::tensor({2, 0}, at::kLong)));
            const auto part = xt::view(view, xt::all(), xt::all(), xt::range(0, 2));
            iterates_over(xt::view(part, 1, xt::all(), 1), tensor.select(0, 1).select(1, 1));
            iterates_over(xt::view(view, xt::range(1, 1)), tensor.slice(0, 1, 1));
            iterates_over(xt::transpose(view), tensor.permute({2, 1, 0}));
            iterates_over(xt::flip(view, 2), tensor.flip({2}));
            iterates_over(xt::strided_view(view, {xt::ellipsis(), xt::range(1, 3)}), tensor.slice(2, 1, 3));
            iterates_over(xt::strided_view(view, {1, xt::newaxis(), xt::all(), 1}),
                          tensor.select(0, 1).select(1, 1).unsqueeze(0));
        };
        compare(fixed);
        compare(open);
        if (tensor.numel() != 0) {
            const auto element = xt::view(fixed, 1, 0, 1);
            CHECK(element.end() - element.begin() == 1);
            CHECK(*element.begin() == tensor[1][0][1].item<float>());
        }
    }
    at::Tensor matrix = at::randn({6, 7});
    auto view = xtt::view<float, 2>(matrix);
    auto part = xt::view(view, xt::range(1, 5), xt::range(2, 7, 2));
    at::Tensor expected = matrix.clone();
    std::ranges::sort(part, std::greater<>());
    const at::Tensor sorted = std::get<0>(expected.slice(0, 1, 5).slice(1, 2, 7, 2).flatten().sort(0, true));
    expected.slice(0, 1, 5).slice(1, 2, 7, 2).copy_(sorted.view({4, 3}));
    CHECK(matrix.equal(expected));
    part = 2.0f;
    expected.slice(0, 1, 5).slice(1, 2, 7, 2).fill_(2.0f);
    CHECK(matrix.equal(expected));
}

template <class E>
concept has_flat = requires(E& e) { e.flat(0); };

TEST_CASE("flat counts elements, and a view of a view has none that would count memory") {
    at::Tensor matrix = counting({4, 6}).slice(1, 0, 6, 2);
    auto view = xtt::view<float>(matrix);
    auto row = xt::view(view, 1, xt::all());
    static_assert(!has_flat<decltype(row)>);
    CHECK(view.flat(4) == matrix[1][1].item<float>());
    auto real = xt::real(view);
    CHECK(real.flat(4) == matrix[1][1].item<float>());
}

TEST_CASE("one index counts along the last dimension, and on into the next rows") {
    at::Tensor matrix = counting({6, 4});
    at::Tensor turned = matrix.t().slice(1, 0, 6, 2);
    auto view = xtt::view<float>(turned);
    for (std::size_t i = 0; i < view.size(); ++i) {
        CHECK(view[i] == view(i / 3, i % 3));
        CHECK(xt::eval(view)[i] == view[i]);
    }
    view[4] = -1.0f;
    CHECK(matrix[2][1].item<float>() == -1.0f);
    CHECK(view[{1, 1}] == -1.0f);
}

}  // namespace
