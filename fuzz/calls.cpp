// Bytes become a tensor of any dtype, shape, strides, offset and flags, and one call of the library. Its outcome must
// be the documented one: values that a model in plain loops gives, too, or the first exception that applies.
#include "support.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/misc/xmanipulation.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xview.hpp>
#endif

#include <ATen/ops/_efficientzerotensor.h>
#include <ATen/ops/_neg_view.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/quantize_per_tensor.h>
#include <ATen/ops/sparse_coo_tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <complex>
#include <limits>
#include <set>

using fuzz::expect;
using fuzz::for_each_position;
using fuzz::outcome;
using fuzz::require;

namespace {

using number = std::complex<double>;
using sequence = std::vector<std::int64_t>;

constexpr std::array dtypes{at::kBool,   at::kByte,         at::kChar,          at::kShort,      at::kInt,
                            at::kLong,   at::kUInt16,       at::kHalf,          at::kBFloat16,   at::kFloat,
                            at::kDouble, at::kComplexFloat, at::kComplexDouble, at::kFloat8_e5m2};

enum class kind { strided, undefined, meta, sparse, zero, quantized };

// A tensor, and all that the model needs to know of it.
struct subject {
    kind what = kind::strided;
    at::ScalarType dtype = at::kFloat;
    sequence sizes;
    sequence strides;
    std::int64_t offset = 0;
    bool conjugate = false;
    bool negative = false;
    bool needs_grad = false;
    bool records_grad = true;
    bool misaligned = false;
    std::size_t stored_bytes = 0;
    std::vector<number> elements;  // of the whole storage
    std::vector<char> unaligned;   // the memory of a misaligned tensor
    at::Tensor tensor;

    bool is_empty() const { return std::count(sizes.begin(), sizes.end(), 0) > 0; }

    std::int64_t last() const {
        std::int64_t reach = 0;
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            reach += (sizes[i] - 1) * strides[i];
        }
        return is_empty() ? -1 : reach;
    }

    // In row-major order, with the bits applied.
    std::vector<number> values() const {
        std::vector<number> all;
        for_each_position(sizes, strides, [&](std::int64_t position) {
            number value = what == kind::zero ? 0 : elements[static_cast<std::size_t>(offset + position)];
            value = conjugate ? std::conj(value) : value;
            all.push_back(negative ? -value : value);
        });
        return all;
    }
};

template <class T>
T as_element(const number& value) {
    if constexpr (std::is_same_v<T, std::complex<float>>) {
        return T(value);
    } else if constexpr (std::is_same_v<T, bool>) {
        return value.real() != 0;
    } else {
        return static_cast<T>(value.real());
    }
}

sequence take_sizes(FuzzedDataProvider& data) {
    sequence sizes(data.ConsumeIntegralInRange<std::size_t>(0, 4));
    for (std::int64_t& size : sizes) {
        size = data.ConsumeIntegralInRange<std::int64_t>(0, 4);
    }
    return sizes;
}

// Row-major, column-major, or anything.
sequence take_strides(FuzzedDataProvider& data, const sequence& sizes) {
    sequence strides(sizes.size());
    const int order = data.ConsumeIntegralInRange(0, 3);
    std::int64_t next = 1;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        const std::size_t axis = order == 0 ? sizes.size() - 1 - i : i;
        strides[axis] = order < 2 ? next : data.ConsumeIntegralInRange<std::int64_t>(0, 12);
        next *= std::max<std::int64_t>(1, sizes[axis]);
    }
    return strides;
}

void fill(FuzzedDataProvider& data, subject& s, const at::Tensor& storage) {
    const auto count = static_cast<std::size_t>(storage.numel());
    std::vector<c10::complex<double>> values(count);
    std::vector<double> real(count);
    s.elements.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto byte = data.ConsumeIntegral<std::uint8_t>();
        const double part = s.dtype == at::kBool ? byte % 2 : byte % 8;
        s.elements[i] = number(part, c10::isComplexType(s.dtype) ? byte / 32 : 0);
        values[i] = s.elements[i];
        real[i] = part;
    }
    storage.copy_(c10::isComplexType(s.dtype) ? at::from_blob(values.data(), storage.sizes(), at::kComplexDouble)
                                              : at::from_blob(real.data(), storage.sizes(), at::kDouble));
}

void make_strided(FuzzedDataProvider& data, subject& s) {
    s.strides = take_strides(data, s.sizes);
    s.offset = data.ConsumeIntegralInRange<std::int64_t>(0, 5);
    const std::int64_t length = s.offset + s.last() + 1 + data.ConsumeIntegralInRange<std::int64_t>(0, 3);
    const at::Tensor storage = at::empty({length}, s.dtype);
    fill(data, s, storage);
    const auto item = static_cast<std::size_t>(storage.itemsize());
    const auto bytes = static_cast<std::size_t>(length) * item;
    s.stored_bytes = bytes;
    s.misaligned = item > 1 && bytes > 0 && data.ConsumeIntegralInRange(0, 15) == 0;
    if (s.misaligned) {
        s.unaligned.resize(bytes + 17);
        auto address = reinterpret_cast<std::uintptr_t>(s.unaligned.data());
        char* odd = s.unaligned.data() + (16 - address % 16) % 16 + 1;
        std::memcpy(odd, storage.const_data_ptr(), bytes);
        s.tensor = at::from_blob(odd, storage.sizes(), s.dtype).as_strided(s.sizes, s.strides, s.offset);
    } else {
        s.tensor = storage.as_strided(s.sizes, s.strides, s.offset);
    }
    const bool computes = c10::isFloatingType(s.dtype) || c10::isComplexType(s.dtype);
    if (computes && !c10::isFloat8Type(s.dtype)) {
        s.negative = data.ConsumeIntegralInRange(0, 15) == 0;
        s.conjugate = c10::isComplexType(s.dtype) && data.ConsumeIntegralInRange(0, 7) == 0;
        s.needs_grad = data.ConsumeIntegralInRange(0, 7) == 0;
        s.tensor = s.negative ? at::_neg_view(s.tensor) : s.tensor;
        s.tensor = s.conjugate ? s.tensor.conj() : s.tensor;
        s.tensor.requires_grad_(s.needs_grad);
    }
    if (!s.misaligned && data.ConsumeIntegralInRange(0, 15) == 0) {
        s.stored_bytes = data.ConsumeIntegralInRange<std::size_t>(0, bytes);
        s.tensor.storage().unsafeGetStorageImpl()->set_nbytes(s.stored_bytes);
    }
}

subject take_subject(FuzzedDataProvider& data) {
    subject s;
    s.dtype = data.PickValueInArray(dtypes);
    s.sizes = take_sizes(data);
    s.strides.assign(s.sizes.size(), 0);
    s.records_grad = data.ConsumeBool();
    const int choice = data.ConsumeIntegralInRange(0, 31);
    s.what = choice < 6 ? static_cast<kind>(choice) : kind::strided;
    const auto options = at::TensorOptions().dtype(s.dtype);
    switch (s.what) {
        case kind::strided:
            make_strided(data, s);
            break;
        case kind::undefined:
            break;
        case kind::meta:
            s.tensor = at::empty(s.sizes, options.device(at::kMeta));
            break;
        case kind::sparse:
            s.tensor = at::sparse_coo_tensor(s.sizes, options.layout(at::kSparse));
            break;
        case kind::zero:
            s.tensor = at::_efficientzerotensor(s.sizes, options);
            break;
        case kind::quantized:
            s.tensor = at::quantize_per_tensor(at::zeros(s.sizes), 1.0, 0, at::kQInt8);
            s.dtype = at::kQInt8;
            break;
    }
    return s;
}

// ---- what the documentation says ------------------------------------------------------------------------------------

bool elements_overlap(const subject& s) {
    std::set<std::int64_t> seen;
    bool twice = false;
    for_each_position(s.sizes, s.strides, [&](std::int64_t position) { twice |= !seen.insert(position).second; });
    return twice;
}

bool has_order(const subject& s, xt::layout_type order) {
    std::int64_t expected = 1;
    for (std::size_t i = 0; i < s.sizes.size(); ++i) {
        const std::size_t axis = order == xt::layout_type::row_major ? s.sizes.size() - 1 - i : i;
        if (s.sizes[axis] != 1 && s.strides[axis] != expected) {
            return s.is_empty();
        }
        expected *= s.sizes[axis];
    }
    return true;
}

outcome strided_outcome(const subject& s) {
    return s.what == kind::undefined ? outcome::value_error
           : s.what == kind::sparse  ? outcome::type_error
                                     : outcome::result;
}

outcome storage_outcome(const subject& s) {
    const auto end = static_cast<std::size_t>(s.offset + s.last() + 1) * s.tensor.itemsize();
    return s.what == kind::strided && !s.is_empty() && end > s.stored_bytes ? outcome::value_error : outcome::result;
}

template <class T, std::size_t N, xt::layout_type L>
outcome view_outcome(const subject& s) {
    using element = std::remove_const_t<T>;
    if (strided_outcome(s) != outcome::result) {
        return strided_outcome(s);
    }
    if (s.what == kind::meta) {
        return outcome::type_error;
    }
    if (s.what == kind::zero || s.conjugate || s.negative || (s.needs_grad && s.records_grad)) {
        return outcome::error;
    }
    if (s.dtype != xtt::scalar_type_v<element>) {
        return outcome::type_error;
    }
    if ((N != xtt::dynamic_rank && N != s.sizes.size()) || (L != xt::layout_type::dynamic && !has_order(s, L)) ||
        (!std::is_const_v<T> && elements_overlap(s)) || (s.misaligned && alignof(element) > 1 && !s.is_empty())) {
        return outcome::value_error;
    }
    return storage_outcome(s);
}

template <class T, std::size_t N>
outcome to_host_outcome(const subject& s) {
    if (strided_outcome(s) != outcome::result) {
        return strided_outcome(s);
    }
    if (s.what == kind::meta || s.dtype != xtt::scalar_type_v<T>) {
        return outcome::type_error;
    }
    return N != xtt::dynamic_rank && N != s.sizes.size() ? outcome::value_error : storage_outcome(s);
}

// ---- the calls ------------------------------------------------------------------------------------------------------

template <class E>
void require_values(const E& expression, const subject& s, const std::vector<number>& values) {
    using T = typename E::value_type;
    require(std::equal(expression.shape().begin(), expression.shape().end(), s.sizes.begin(), s.sizes.end(),
                       [](auto a, auto b) { return static_cast<std::int64_t>(a) == b; }),
            "the shape is the tensor's");
    auto iterator = expression.template begin<xt::layout_type::row_major>();
    for (const number& value : values) {
        require(*iterator == as_element<T>(value), "the elements are the tensor's");
        ++iterator;
    }
}

template <class T>
void require_storage(const subject& s, const std::vector<number>& elements) {
    const auto* stored = static_cast<const char*>(s.tensor.storage().data());
    for (std::size_t i = 0; i < elements.size(); ++i) {
        T element{};
        std::memcpy(static_cast<void*>(&element), stored + i * sizeof(T), sizeof(T));
        require(element == as_element<T>(elements[i]), "the storage holds what was written, and nothing else");
    }
}

template <class T, std::size_t N, xt::layout_type L = xt::layout_type::dynamic>
void read(subject& s) {
    expect(view_outcome<T, N, L>(s), [&] {
        const auto view = xtt::view<T, N, L>(s.tensor);
        const std::vector<number> values = s.values();
        require_values(view, s, values);
        for (std::size_t i = 0; i < values.size(); ++i) {
            require(view.flat(i) == as_element<std::remove_const_t<T>>(values[i]), "flat counts in row-major order");
        }
        require(view.tensor().is_same(s.tensor), "the view gives its tensor back");
    });
}

template <class T, std::size_t N>
void fetch(subject& s) {
    expect(to_host_outcome<T, N>(s), [&] { require_values(xtt::to_host<T, N>(s.tensor), s, s.values()); });
    expect(to_host_outcome<T, N>(s), [&] { require_values(xtt::to_host_async<T, N>(s.tensor).get(), s, s.values()); });
}

template <class T>
void write(FuzzedDataProvider& data, subject& s) {
    constexpr auto any_layout = xt::layout_type::dynamic;
    expect(view_outcome<T, xtt::dynamic_rank, any_layout>(s), [&] {
        auto view = xtt::view<T>(s.tensor);
        const auto version = s.tensor._version();
        std::vector<number> expected = s.elements;
        const auto value = static_cast<double>(data.ConsumeIntegralInRange(0, 7));
        const T element = as_element<T>(number(value));
        const bool adds = data.ConsumeBool() && !std::is_same_v<T, bool>;
        for_each_position(s.sizes, s.strides, [&](std::int64_t position) {
            number& at = expected[static_cast<std::size_t>(s.offset + position)];
            at = adds ? at + value : number(value);
        });
        if constexpr (!std::is_same_v<T, bool>) {
            adds ? static_cast<void>(view += element) : static_cast<void>(view = element);
        } else {
            view = element;
        }
        require_storage<T>(s, expected);
        require(s.tensor._version() > version, "autograd sees the write");
    });
}

// Another view of the same storage, of any shape and strides, is assigned: evaluated first, then assigned.
template <class T>
void assign(FuzzedDataProvider& data, subject& s) {
    if (view_outcome<T, xtt::dynamic_rank, xt::layout_type::dynamic>(s) != outcome::result ||
        s.stored_bytes != s.elements.size() * s.tensor.itemsize() || s.misaligned) {
        return;
    }
    subject source = s;
    const std::size_t rank = data.ConsumeIntegralInRange<std::size_t>(0, s.sizes.size());
    source.sizes.assign(s.sizes.end() - static_cast<std::ptrdiff_t>(rank), s.sizes.end());
    for (std::int64_t& size : source.sizes) {
        const int choice = data.ConsumeIntegralInRange(0, 15);
        size = choice == 0 ? size + 1 : choice < 4 ? 1 : size;
    }
    source.strides = take_strides(data, source.sizes);
    source.offset = 0;
    const auto length = static_cast<std::int64_t>(s.elements.size());
    if (source.last() >= length) {
        return;
    }
    source.offset = data.ConsumeIntegralInRange<std::int64_t>(0, length - 1 - source.last());
    {
        const c10::NoGradGuard unrecorded;
        source.tensor = s.tensor.as_strided(source.sizes, source.strides, source.offset);
    }
    bool fits = true;
    sequence steps(s.sizes.size(), 0);  // the source's strides, broadcast to the destination's shape
    for (std::size_t i = 0; i < rank; ++i) {
        const std::size_t axis = s.sizes.size() - rank + i;
        fits = fits && (source.sizes[i] == s.sizes[axis] || source.sizes[i] == 1);
        steps[axis] = source.sizes[i] == 1 ? 0 : source.strides[i];
    }
    const int form = data.ConsumeIntegralInRange(0, 2);
    expect(fits ? outcome::result : outcome::value_error, [&] {
        auto view = xtt::view<T>(s.tensor);
        const auto other = xtt::view<const T>(source.tensor);
        std::vector<number> expected = s.elements;
        if (fits) {
            std::vector<number> values;
            for_each_position(s.sizes, steps, [&](std::int64_t position) {
                values.push_back(s.elements[static_cast<std::size_t>(source.offset + position)]);
            });
            auto value = values.begin();
            for_each_position(s.sizes, s.strides, [&](std::int64_t position) {
                number& at = expected[static_cast<std::size_t>(s.offset + position)];
                const number sum = at + *value;
                at = form == 0 || std::is_same_v<T, bool> ? *value : form == 1 ? sum : sum + 1.0;
                ++value;
            });
        }
        try {
            if constexpr (std::is_same_v<T, bool>) {
                view = other;
            } else if (form == 0) {
                view = other;
            } else if (form == 1) {
                view += other;
            } else {
                view = view + other + as_element<T>(1.0);
            }
        } catch (...) {
            require_storage<T>(s, s.elements);
            throw;
        }
        require_storage<T>(s, expected);
    });
}

template <class T>
void copy(FuzzedDataProvider& data, subject& s) {
    const at::Device device = data.PickValueInArray(
        {at::Device(at::kCPU), at::Device(at::kMeta), at::Device(at::kCUDA, 0), at::Device(at::kHPU)});
    const at::ScalarType dtype = data.ConsumeBool() ? s.dtype : data.PickValueInArray(dtypes);
    const at::Layout layout = data.ConsumeIntegralInRange(0, 7) == 0 ? at::kSparse : at::kStrided;
    const bool needs_grad = data.ConsumeIntegralInRange(0, 3) == 0;
    const auto format = data.PickValueInArray({at::MemoryFormat::Contiguous, at::MemoryFormat::Contiguous,
                                               at::MemoryFormat::ChannelsLast, at::MemoryFormat::ChannelsLast3d,
                                               at::MemoryFormat::Preserve});
    if (view_outcome<const T, xtt::dynamic_rank, xt::layout_type::dynamic>(s) != outcome::result) {
        return;
    }
    const auto view = xtt::view<const T>(s.tensor);
    const std::vector<number> values = s.values();
    const auto copied = xtt::copy(view);
    require(copied.scalar_type() == s.dtype && copied.is_contiguous(), "a copy is contiguous");
    require_values(xtt::view<const T>(copied), s, values);

    std::set<outcome> refused;
    if (!device.is_cpu() || (format == at::MemoryFormat::ChannelsLast && s.sizes.size() != 4) ||
        (needs_grad && !c10::isFloatingType(dtype) && !c10::isComplexType(dtype)) ||
        format == at::MemoryFormat::ChannelsLast3d || format == at::MemoryFormat::Preserve) {
        refused.insert(outcome::value_error);
    }
    if (layout != at::kStrided || (c10::isComplexType(s.dtype) && !c10::isComplexType(dtype))) {
        refused.insert(outcome::type_error);
    }
    const outcome seen = fuzz::outcome_of([&] {
        const at::Tensor made = xtt::copy(view, at::TensorOptions()
                                                    .device(device)
                                                    .dtype(dtype)
                                                    .layout(layout)
                                                    .requires_grad(needs_grad)
                                                    .memory_format(format));
        require(made.scalar_type() == dtype && made.requires_grad() == needs_grad && made.is_contiguous(format),
                "the options are honoured");
        require(at::IntArrayRef(s.sizes) == made.sizes(), "the shape is the expression's");
    });
    require(refused.empty() ? seen == outcome::result : refused.count(seen) == 1, "options are honoured or refused");
    expect(device.is_cpu() ? outcome::result : outcome::value_error,
           [&] { require_values(xtt::view<const T>(xtt::to_device(view, device)), s, values); });
}

void visit(subject& s) {
    const outcome strided = strided_outcome(s);
    const auto check = [&](auto& view) {
        require_values(view, s, s.values());
        return true;
    };
    const auto all = [&]<class T>(std::type_identity<T>) {
        return s.dtype == xtt::scalar_type_v<T> ? view_outcome<T, xtt::dynamic_rank, xt::layout_type::dynamic>(s)
                                                : outcome::type_error;
    };
    const auto listed = [&](auto... types) {
        outcome expected = outcome::type_error;
        ((expected = s.dtype == xtt::scalar_type_v<typename decltype(types)::type> ? all(types) : expected), ...);
        return strided != outcome::result ? strided : expected;
    };
    expect(listed(std::type_identity<float>(), std::type_identity<double>(), std::type_identity<std::int64_t>(),
                  std::type_identity<bool>()),
           [&] { xtt::visit<float, double, std::int64_t, bool>(s.tensor, check); });
}

// Containers of any order, and parts of them, as tensors.
template <class T>
void lend(FuzzedDataProvider& data) {
    const std::size_t rows = data.ConsumeIntegralInRange<std::size_t>(0, 4);
    const std::size_t columns = data.ConsumeIntegralInRange<std::size_t>(0, 4);
    const auto order = data.ConsumeBool() ? xt::layout_type::row_major : xt::layout_type::column_major;
    xt::xarray<T, xt::layout_type::dynamic> array({rows, columns}, order);
    std::vector<number> values;
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
            values.emplace_back(data.ConsumeIntegralInRange(0, 7));
            array(i, j) = as_element<T>(values.back());
        }
    }
    const auto same = [&](const at::Tensor& tensor, const auto& expression) {
        require(tensor.scalar_type() == xtt::scalar_type_v<T>, "the dtype is the element's");
        const auto view = xtt::view<const T>(tensor);
        require(
            std::equal(view.shape().begin(), view.shape().end(), expression.shape().begin(), expression.shape().end()),
            "the tensor's shape is the container's");
        // xtensor's iterators over a view without elements add an offset to a null pointer.
        require(view.size() == 0 || std::equal(view.template begin<xt::layout_type::row_major>(),
                                               view.template end<xt::layout_type::row_major>(),
                                               expression.template begin<xt::layout_type::row_major>()),
                "the tensor's elements are the container's");
    };
    const auto first_row = data.ConsumeIntegralInRange<std::size_t>(0, rows);
    const auto step = data.ConsumeIntegralInRange<std::size_t>(1, 3);
    auto part = xt::view(array, xt::range(first_row, rows, step), xt::all());
    same(xtt::borrow(part), part);
    auto transposed = xt::transpose(array);
    same(xtt::borrow(transposed), transposed);
    const std::size_t axis = data.ConsumeIntegralInRange<std::size_t>(0, 1);
    auto flipped = xt::flip(array, axis);
    const bool reversed = std::any_of(flipped.strides().begin(), flipped.strides().end(), [](auto s) { return s < 0; });
    expect(reversed ? outcome::value_error : outcome::result, [&] { same(xtt::borrow(flipped), flipped); });
    const auto copy = array;
    same(xtt::adopt(std::move(array)), copy);
}

template <class T>
void call(FuzzedDataProvider& data, subject& s) {
    switch (data.ConsumeIntegralInRange(0, 9)) {
        case 0:
            return read<T, xtt::dynamic_rank>(s);
        case 1:
            return read<const T, xtt::dynamic_rank>(s);
        case 2:
            return read<T, 2>(s);
        case 3:
            return read<const T, 1, xt::layout_type::row_major>(s);
        case 4:
            return read<const T, 2, xt::layout_type::column_major>(s);
        case 5:
            return data.ConsumeBool() ? fetch<T, xtt::dynamic_rank>(s) : fetch<T, 2>(s);
        case 6:
            return write<T>(data, s);
        case 7:
            return assign<T>(data, s);
        case 8:
            return copy<T>(data, s);
        default:
            return lend<T>(data);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    FuzzedDataProvider data(bytes, size);
    const int type = data.ConsumeIntegralInRange(0, 13);
    subject s = take_subject(data);
    const c10::AutoGradMode mode(s.records_grad);
    // Mostly the type that is the tensor's.
    const at::ScalarType asked = type < 6
                                     ? std::array{at::kFloat, at::kDouble, at::kLong,
                                                  at::kBool,  at::kHalf,   at::kComplexFloat}[static_cast<std::size_t>(
                                           type)]
                                     : s.dtype;
    switch (asked) {
        case at::kDouble:
            call<double>(data, s);
            break;
        case at::kLong:
            call<std::int64_t>(data, s);
            break;
        case at::kBool:
            call<bool>(data, s);
            break;
        case at::kHalf:
            call<at::Half>(data, s);
            break;
        case at::kComplexFloat:
            call<std::complex<float>>(data, s);
            break;
        case at::kFloat:
            call<float>(data, s);
            break;
        default:
            visit(s);
    }
    return 0;
}
