// What belongs to xtensor's world and not to xtensor itself, through the bridge: containers that others wrote, NumPy's
// files and CSV. (NumPy itself reads and writes such files in numpy_exchange.py; linear algebra is in linalg.cpp.)
#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/io/xcsv.hpp>
#include <xtensor/io/xnpy.hpp>
#else
#include <xtensor/xcsv.hpp>
#include <xtensor/xnpy.hpp>
#endif

#include <memory>
#include <sstream>
#include <vector>

using namespace testing;

// A container in the manner of xt::pyarray: another system counts the references to its buffer, and the strides are
// that system's.
template <class T>
class foreign_array;

namespace xt {

template <class T>
struct xiterable_inner_types<foreign_array<T>> : xcontainer_iterable_types<foreign_array<T>> {};

template <class T>
struct xcontainer_inner_types<foreign_array<T>> {
    using storage_type = xbuffer_adaptor<T*>;
    using reference = T&;
    using const_reference = const T&;
    using size_type = std::size_t;
    using shape_type = xt::dynamic_shape<std::size_t>;
    using strides_type = xt::dynamic_shape<std::ptrdiff_t>;
    using backstrides_type = strides_type;
    using inner_shape_type = shape_type;
    using inner_strides_type = strides_type;
    using inner_backstrides_type = backstrides_type;
    using temporary_type = foreign_array<T>;
    static constexpr layout_type layout = layout_type::dynamic;
};

}  // namespace xt

template <class T>
class foreign_array : public xt::xcontainer<foreign_array<T>>, public xt::xcontainer_semantic<foreign_array<T>> {
    using base = xt::xcontainer<foreign_array>;
    using semantic = xt::xcontainer_semantic<foreign_array>;
    friend base;

public:
    using types = xt::xcontainer_inner_types<foreign_array>;
    using shape_type = typename types::shape_type;
    using storage_type = typename types::storage_type;
    using strides_type = typename types::strides_type;

    foreign_array() { resize(shape_type{}); }
    explicit foreign_array(const shape_type& shape) { resize(shape); }
    template <class E>
    foreign_array(const xt::xexpression<E>& expression) : foreign_array() {
        semantic::assign(expression);
    }
    foreign_array(const foreign_array& other) : base(), semantic() { copy_elements(other); }
    foreign_array(foreign_array&&) = default;

    foreign_array& operator=(const foreign_array& other) {
        copy_elements(other);
        return *this;
    }
    foreign_array& operator=(foreign_array&&) = default;
    template <class E>
    foreign_array& operator=(const xt::xexpression<E>& expression) {
        return semantic::operator=(expression);
    }

    template <class S>
    void resize(const S& shape, bool = false) {
        if (m_buffer && std::equal(shape.begin(), shape.end(), m_shape.begin(), m_shape.end())) {
            return;
        }
        m_shape.assign(shape.begin(), shape.end());
        m_strides.resize(m_shape.size());
        m_backstrides.resize(m_shape.size());
        const std::size_t size = xt::compute_strides(m_shape, xt::layout_type::row_major, m_strides, m_backstrides);
        m_buffer = std::shared_ptr<T[]>(new T[size](), [](T* memory) {
            --live;
            delete[] memory;
        });
        ++live;
        m_storage.reset_data(m_buffer.get(), size);
    }

    // The same buffer with its axes the other way round, as another system would hand it out.
    foreign_array transposed() const {
        foreign_array result(*this, m_buffer);
        std::reverse(result.m_shape.begin(), result.m_shape.end());
        std::reverse(result.m_strides.begin(), result.m_strides.end());
        std::reverse(result.m_backstrides.begin(), result.m_backstrides.end());
        return result;
    }

    xt::layout_type layout() const noexcept { return xt::layout_type::dynamic; }
    bool is_contiguous() const noexcept { return false; }
    long use_count() const noexcept { return m_buffer.use_count(); }

    inline static int live = 0;

private:
    foreign_array(const foreign_array& other, std::shared_ptr<T[]> buffer)
        : m_shape(other.m_shape),
          m_strides(other.m_strides),
          m_backstrides(other.m_backstrides),
          m_buffer(std::move(buffer)),
          m_storage(m_buffer.get(), other.size()) {}

    void copy_elements(const foreign_array& other) {
        resize(other.m_shape);
        std::copy(other.begin(), other.end(), this->begin());
    }

    const shape_type& shape_impl() const noexcept { return m_shape; }
    shape_type& shape_impl() noexcept { return m_shape; }
    const strides_type& strides_impl() const noexcept { return m_strides; }
    strides_type& strides_impl() noexcept { return m_strides; }
    const strides_type& backstrides_impl() const noexcept { return m_backstrides; }
    strides_type& backstrides_impl() noexcept { return m_backstrides; }
    const storage_type& storage_impl() const noexcept { return m_storage; }
    storage_type& storage_impl() noexcept { return m_storage; }

    shape_type m_shape;
    strides_type m_strides;
    strides_type m_backstrides;
    std::shared_ptr<T[]> m_buffer;
    storage_type m_storage{nullptr, 0};
};

namespace {

// ---- containers of others

using foreign = foreign_array<float>;

static_assert(xtt::borrowable<foreign&> && !xtt::borrowable<foreign> && !xtt::borrowable<const foreign&>);
static_assert(xtt::adoptable<foreign> && !xtt::adoptable<foreign&> && !xtt::adoptable<std::shared_ptr<foreign>>);
static_assert(xtt::copyable<const foreign&> && !xtt::shares_storage_v<foreign>);

TEST_CASE("a container of others is borrowed, with its strides") {
    foreign array = xt::arange<float>(6).reshape({2, 3});
    at::Tensor tensor = xtt::borrow(array);
    CHECK(tensor.const_data_ptr() == array.data());
    CHECK(at::equal(tensor, counting({2, 3})));
    tensor.mul_(2);
    CHECK(array(1, 2) == 10.0f);

    foreign turned = array.transposed();
    CHECK(at::equal(xtt::borrow(turned), tensor.t()));
    CHECK(xtt::borrow(turned).strides() == at::IntArrayRef({1, 3}));

    auto column = xt::view(array, xt::all(), 1);
    xtt::borrow(column).fill_(-1);
    CHECK(array(0, 1) == -1.0f);
    CHECK(array(1, 1) == -1.0f);
    CHECK(array(1, 0) == 6.0f);
}

TEST_CASE("a container of others is adopted, and its buffer is let go with the tensor") {
    const int before = foreign::live;
    {
        foreign array = xt::arange<float>(6).reshape({2, 3});
        const foreign kept = array.transposed();
        const float* data = array.data();
        CHECK(kept.use_count() == 2);
        at::Tensor tensor = xtt::adopt(std::move(array));
        CHECK(tensor.const_data_ptr() == data);
        CHECK(at::equal(tensor, counting({2, 3})));
        CHECK(kept.use_count() == 2);
        tensor[1][0] = 30.0f;
        CHECK(kept(0, 1) == 30.0f);
        tensor.reset();
        CHECK(kept.use_count() == 1);
    }
    CHECK(foreign::live == before);
    {
        at::Tensor part = xtt::adopt(foreign(xt::arange<float>(6).reshape({2, 3}))).select(0, 1);
        CHECK(foreign::live == before + 1);
        CHECK(at::equal(part, counting({6}).slice(0, 3)));
    }
    CHECK(foreign::live == before);
}

TEST_CASE("a container of others is copied, and takes part in expressions with views") {
    at::Tensor tensor = counting({2, 3});
    auto view = xtt::view<float>(tensor);
    foreign array = view + 1.0f;
    CHECK(array(1, 2) == 6.0f);
    CHECK(at::equal(xtt::copy(array.transposed()), (tensor + 1).t()));
    CHECK(at::equal(xtt::copy(array * view), (tensor + 1) * tensor));
    view = array + view;
    CHECK(tensor[1][2].item<float>() == 11.0f);
    array = view;
    CHECK((array == view));

    foreign square = xt::arange<float>(9).reshape({3, 3});
    at::Tensor borrowed = xtt::borrow(square);
    auto of_square = xtt::view<float>(borrowed);
    of_square = square.transposed() + 0.0f;
    CHECK(at::equal(borrowed, counting({3, 3}).t()));
}

// ---- NumPy's files

template <class T>
at::Tensor through_file(const std::string& bytes) {
    std::istringstream stream(bytes);
    return xtt::adopt(xt::load_npy<T>(stream));
}

template <class T>
void round_trips(const at::Tensor& tensor) {
    INFO(xtt::dtype_traits<T>::name);
    const at::Tensor loaded = through_file<T>(xt::dump_npy(xtt::view<const T>(tensor)));
    CHECK(loaded.scalar_type() == tensor.scalar_type());
    CHECK(at::equal(loaded, tensor));
}

TEMPLATE_TEST_CASE("a view is saved as a NumPy file, and the file adopted", "", bool, std::int8_t, std::int16_t,
                   std::int32_t, std::int64_t, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, float, double,
                   std::complex<float>, std::complex<double>) {
    const auto dtype = xtt::scalar_type_v<TestType>;
    const at::Tensor tensor = counting({3, 4, 2}, at::kInt).to(dtype);
    round_trips<TestType>(tensor);
    round_trips<TestType>(tensor.permute({2, 0, 1}));
    round_trips<TestType>(tensor.slice(0, 0, 3, 2).slice(1, 1, 4, 2));
    round_trips<TestType>(tensor.select(1, 2));
    round_trips<TestType>(tensor.select(1, 2).expand({2, 3, 2}));
    round_trips<TestType>(tensor.slice(1, 1, 2));
    round_trips<TestType>(tensor[2][1][0]);
    round_trips<TestType>(at::zeros({0, 3}, dtype));
}

TEST_CASE("a loaded file is adopted without a copy, in both orders") {
    const xt::xtensor<double, 2, xt::layout_type::row_major> rows = {{1, 2, 3}, {4, 5, 6}};
    const xt::xtensor<double, 2, xt::layout_type::column_major> columns = rows;
    for (const bool by_column : {false, true}) {
        std::istringstream stream(by_column ? xt::dump_npy(columns) : xt::dump_npy(rows));
        auto loaded = xt::load_npy<double>(stream);
        const double* data = loaded.data();
        const at::Tensor tensor = xtt::adopt(std::move(loaded));
        CHECK(tensor.const_data_ptr() == data);
        CHECK(tensor.strides() == (by_column ? at::IntArrayRef({1, 2}) : at::IntArrayRef({3, 1})));
        CHECK(at::equal(tensor, xtt::copy(rows)));
    }
}

TEST_CASE("a view with column-major layout in its type is saved in Fortran order") {
    const at::Tensor tensor = counting({3, 2}).t();
    const std::string bytes = xt::dump_npy(xtt::view<const float, 2, xt::layout_type::column_major>(tensor));
    CHECK(contains(bytes, "'fortran_order': True"));
    CHECK(at::equal(through_file<float>(bytes), tensor));
    CHECK(through_file<float>(bytes).strides() == tensor.strides());
}

TEST_CASE("a view is saved as CSV, and the file adopted") {
    const at::Tensor tensor = counting({3, 8}) / 4;
    for (const auto& seen : {tensor, tensor.t(), tensor.slice(1, 1, 8, 3)}) {
        std::stringstream text;
        xt::dump_csv(text, xtt::view<const float>(seen));
        CHECK(at::equal(xtt::adopt(xt::load_csv<float>(text)), seen));
    }
}

}  // namespace
