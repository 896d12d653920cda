// xtensor reads `xt::view(x, xt::keep(…))` and `xt::repeat(x, …)` element by element, and looks for each anew. This
// file reads the offsets of the indices once, and copies the rows between them.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>
#include <xtensor-torch/evaluation/parallel.hpp>
#include <xtensor-torch/evaluation/rows.hpp>

#include <c10/util/SmallVector.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <vector>

namespace xt {

template <class CT, class R>
class xrepeat;

}  // namespace xt

namespace xtt::detail {

// A view of strided memory that is not strided itself: some of its slices keep or drop single indices, or lie behind a
// new axis.
template <class E>
inline constexpr bool is_gathered = false;
template <class CT, class... S>
inline constexpr bool is_gathered<xt::xview<CT, S...>> =
    readable_in_place<std::decay_t<CT>> && !strided_leaf<xt::xview<CT, S...>>;
template <class CT, class R>
inline constexpr bool is_gathered<xt::xrepeat<CT, R>> = readable_in_place<std::decay_t<CT>>;

// One dimension of a gathered view. Offsets and steps count elements of the memory behind it.
struct gathered_dimension {
    std::ptrdiff_t size = 1;
    std::ptrdiff_t step = 0;              // where the offsets are multiples of it
    std::vector<std::ptrdiff_t> offsets;  // elsewhere

    // Most slices beside the kept indices are ranges.
    void simplify() {
        step = size > 1 ? offsets[1] - offsets[0] : 0;
        for (std::ptrdiff_t i = 0; i < size; ++i) {
            if (offset(i) != i * step) {
                return;
            }
        }
        offsets.clear();
    }

    std::ptrdiff_t offset(std::ptrdiff_t i) const {
        return offsets.empty() ? i * step : offsets[static_cast<std::size_t>(i)];
    }
};

class gathered_layout {
public:
    template <class CT, class... S>
    explicit gathered_layout(const xt::xview<CT, S...>& view) {
        const auto& strides = view.expression().strides();
        const auto& shape = view.expression().shape();
        std::size_t source = 0;
        std::apply([&](const auto&... slice) { (add(slice, strides, source), ...); }, view.slices());
        for (; source < shape.size(); ++source) {
            m_dimensions.push_back(
                {static_cast<std::ptrdiff_t>(shape[source]), static_cast<std::ptrdiff_t>(strides[source]), {}});
        }
    }

    // Which indices are repeated it does not say: what it steps to does, along each dimension from the first element.
    template <class CT, class R>
    explicit gathered_layout(const xt::xrepeat<CT, R>& repeated) {
        const auto& shape = repeated.shape();
        if (repeated.size() == 0) {
            return;
        }
        for (std::size_t d = 0; d < shape.size(); ++d) {
            auto stepper = repeated.stepper_begin(shape);
            const auto* const first = std::addressof(*stepper);
            m_first = first - (repeated.expression().data() + repeated.expression().data_offset());
            gathered_dimension dimension{static_cast<std::ptrdiff_t>(shape[d]), 0, {0}};
            while (dimension.offsets.size() < static_cast<std::size_t>(dimension.size)) {
                stepper.step(d);
                dimension.offsets.push_back(std::addressof(*stepper) - first);
            }
            dimension.simplify();
            m_dimensions.push_back(std::move(dimension));
        }
    }

    std::ptrdiff_t first() const noexcept { return m_first; }
    const gathered_dimension& operator[](std::size_t dimension) const { return m_dimensions[dimension]; }
    std::size_t rank() const noexcept { return m_dimensions.size(); }

private:
    template <class Slice, class Strides>
    void add(const Slice& slice, const Strides& strides, std::size_t& source) {
        if constexpr (std::is_integral_v<Slice>) {
            m_first += static_cast<std::ptrdiff_t>(slice) * static_cast<std::ptrdiff_t>(strides[source++]);
        } else if constexpr (is_new_axis<Slice>) {
            m_dimensions.push_back({});
        } else {
            const auto stride = static_cast<std::ptrdiff_t>(strides[source++]);
            gathered_dimension dimension{static_cast<std::ptrdiff_t>(slice.size()), 0, {}};
            dimension.offsets.reserve(static_cast<std::size_t>(dimension.size));
            for (std::ptrdiff_t i = 0; i < dimension.size; ++i) {
                dimension.offsets.push_back(
                    static_cast<std::ptrdiff_t>(slice(static_cast<typename Slice::size_type>(i))) * stride);
            }
            dimension.simplify();
            m_dimensions.push_back(std::move(dimension));
        }
    }

    std::ptrdiff_t m_first = 0;
    c10::SmallVector<gathered_dimension, 4> m_dimensions;
};

/// Copies the elements of a gathered view into a destination of its shape.
template <class D, class View>
class gather_loops {
    using T = typename D::value_type;
    using V = typename std::decay_t<decltype(std::declval<const View&>().expression())>::value_type;

public:
    gather_loops(D& destination, const View& view)
        : m_layout(view),
          m_out(destination.data() + destination.data_offset()),
          m_in(view.expression().data() + view.expression().data_offset() + m_layout.first()),
          m_strides(destination.strides().begin(), destination.strides().end()) {}

    void run(std::ptrdiff_t size) const {
        if (m_layout.rank() < 2) {
            copy(0, m_out, m_in);
            return;
        }
        const gathered_dimension& outermost = m_layout[0];
        parallel_for(outermost.size, std::max<std::ptrdiff_t>(1, grain * outermost.size / size),
                     [&](std::ptrdiff_t first, std::ptrdiff_t last) {
                         for (std::ptrdiff_t i = first; i < last; ++i) {
                             copy(1, m_out + i * m_strides[0], m_in + outermost.offset(i));
                         }
                     });
    }

private:
    void copy(std::size_t dimension, T* out, const V* in) const {
        if (dimension == m_layout.rank()) {
            *out = element_cast<T>(*in);
            return;
        }
        const gathered_dimension& along = m_layout[dimension];
        const std::ptrdiff_t step = m_strides[dimension];
        if (dimension + 1 < m_layout.rank()) {
            for (std::ptrdiff_t i = 0; i < along.size; ++i) {
                copy(dimension + 1, out + i * step, in + along.offset(i));
            }
        } else if (!along.offsets.empty()) {
            for (std::ptrdiff_t i = 0; i < along.size; ++i) {
                out[i * step] = element_cast<T>(in[along.offsets[static_cast<std::size_t>(i)]]);
            }
        } else if (step == 1 && along.step == 1) {
            constexpr operand<V> copied;
            row_kernel_of<T, V>(copied).compute({out, {in}, {1, 1}, {}, along.size, 1});
        } else {
            for (std::ptrdiff_t i = 0; i < along.size; ++i) {
                out[i * step] = element_cast<T>(in[i * along.step]);
            }
        }
    }

    gathered_layout m_layout;
    T* m_out;
    const V* m_in;
    c10::SmallVector<std::ptrdiff_t, 4> m_strides;
};

}  // namespace xtt::detail
