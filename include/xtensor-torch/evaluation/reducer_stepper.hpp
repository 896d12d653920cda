// xtensor reads a reducer element by element through a stepper, and its own loses its place where a reducer with kept
// dimensions is broadcast. This file gives reducers over views of tensors a stepper that only knows an index.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>
#include <xtensor-torch/evaluation/wide_reductions.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/reducers/xreducer.hpp>
#else
#include <xtensor/xreducer.hpp>
#endif

#include <algorithm>
#include <cstddef>

namespace xtt::detail {

using reducer_index = xt::dynamic_shape<std::size_t>;

template <class Reducer>
auto reduced_at(const Reducer& reducer, const reducer_index& index);

}  // namespace xtt::detail

namespace xt {

// xtensor lets this class alone see how a reducer reduces.
template <class F, xtt::detail::tagged_expression CT, class X, class O>
class xreducer_stepper<F, CT, X, O> {
public:
    using xreducer_type = xreducer<F, CT, X, O>;
    using value_type = typename xreducer_type::value_type;
    using reference = value_type;
    using pointer = typename xreducer_type::const_pointer;
    using size_type = typename xreducer_type::size_type;
    using difference_type = typename xreducer_type::difference_type;
    using shape_type = typename xreducer_type::shape_type;

    static constexpr bool keeps_dimensions = O::keep_dims::value;

    xreducer_stepper(const xreducer_type& reducer, size_type offset, bool end = false,
                     layout_type layout = layout_type::row_major)
        : m_reducer(&reducer), m_offset(offset), m_index(reducer.dimension(), 0) {
        if (end) {
            to_end(layout);
        }
    }

    reference operator*() const { return xtt::detail::reduced_at(*m_reducer, m_index); }

    void step(size_type dimension, size_type steps = 1) { move(dimension, steps); }
    void step_back(size_type dimension, size_type steps = 1) { move(dimension, -steps); }
    void reset(size_type dimension) { move_over(dimension, false); }
    void reset_back(size_type dimension) { move_over(dimension, true); }

    void to_begin() { std::fill(m_index.begin(), m_index.end(), size_type(0)); }

    // One step beyond the last element, in the dimension that moves first.
    void to_end(layout_type layout) {
        for (size_type d = 0; d < m_index.size(); ++d) {
            m_index[d] = m_reducer->shape()[d] - 1;
        }
        if (!m_index.empty()) {
            step(m_offset + (layout == layout_type::row_major ? m_index.size() - 1 : 0));
        }
    }

    static const auto& axes(const xreducer_type& reducer) { return reducer.m_axes; }
    static const auto& reduce(const xreducer_type& reducer) { return reducer.m_reduce; }
    static const auto& merge(const xreducer_type& reducer) { return reducer.m_merge; }
    static value_type initial(const xreducer_type& reducer) { return static_cast<value_type>(reducer.m_init()); }

private:
    // A dimension of size 1 is broadcast: nothing moves along it.
    void move(size_type dimension, size_type steps) {
        if (dimension >= m_offset && m_reducer->shape()[dimension - m_offset] != 1) {
            m_index[dimension - m_offset] += steps;
        }
    }

    void move_over(size_type dimension, bool forward) {
        if (dimension >= m_offset) {
            const size_type steps = m_reducer->shape()[dimension - m_offset] - 1;
            m_index[dimension - m_offset] += forward ? steps : -steps;
        }
    }

    const xreducer_type* m_reducer;
    size_type m_offset;
    xtt::detail::reducer_index m_index;
};

}  // namespace xt
