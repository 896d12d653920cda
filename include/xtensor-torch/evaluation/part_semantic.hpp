// xtensor assigns to a part of an array (`xt::view(v, 0) = e`) through a temporary and element by element, and nobody
// hears of it. This file assigns to a part of a tensor's view as tensor_view itself does: in the loops of this library,
// with a temporary only where one is needed, and so that autograd sees the write.
#pragma once

#include <xtensor-torch/evaluation/evaluate.hpp>
#include <xtensor-torch/evaluation/expression_tag.hpp>
#include <xtensor-torch/memory/strided_memory.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// Evaluates an expression into memory that keeps its shape, as if it were evaluated first and written then. `written`
// is called before the first write. Throws c10::ValueError, and writes nothing, where the shape does not broadcast.
template <class Temporary, class D, class E, class Written>
void assign_through(D& destination, const E& expression, Written&& written) {
    require_broadcastable(destination, expression);
    if (needs_temporary(destination, expression)) {
        typename Temporary::shape_type shape = xtl::make_sequence<typename Temporary::shape_type>(
            destination.dimension(), typename Temporary::shape_type::value_type{1});
        expression.broadcast_shape(shape);
        Temporary evaluated = Temporary::from_shape(shape);
        evaluate(evaluated, expression);
        written();
        evaluate(destination, evaluated);
    } else {
        written();
        evaluate(destination, expression);
    }
}

// The view of a tensor that a part belongs to, told that it was written to.
template <class X>
void raise_version_behind(X& x) {
    if constexpr (requires { x.written(); }) {
        x.written();
    } else if constexpr (requires { x.expression(); }) {
        raise_version_behind(x.expression());
    }
}

// What xtensor asks of an expression that can be assigned to.
template <class D>
class part_semantic : public xt::xsemantic_base<D> {
    using base = xt::xsemantic_base<D>;

public:
    using base_type = base;
    using derived_type = D;
    using temporary_type = typename base::temporary_type;

    D& assign_temporary(temporary_type&& temporary) { return assign_xexpression(temporary); }

    // What xtensor calls for `xt::noalias(part) = expression`.
    template <class E>
    D& assign_xexpression(const xt::xexpression<E>& expression) {
        require_writable();
        D& destination = this->derived_cast();
        require_broadcastable(destination, expression.derived_cast());
        raise_version_behind(destination);
        evaluate(destination, expression.derived_cast());
        return destination;
    }

    // And for `xt::noalias(part) += expression`.
    template <class E>
    D& computed_assign(const xt::xexpression<E>& expression) {
        return assign_xexpression(expression);
    }

    // And for `part += value`.
    template <class V, class F>
    D& scalar_computed_assign(const V& value, F&& function) {
        using computed = xt::xfunction<std::decay_t<F>, const D&, xt::xscalar<V>>;
        return assign_xexpression(computed(std::forward<F>(function), this->derived_cast(), xt::xscalar<V>(value)));
    }

protected:
    part_semantic() = default;
    ~part_semantic() = default;
    part_semantic(const part_semantic&) = default;
    part_semantic(part_semantic&&) = default;
    part_semantic& operator=(const part_semantic&) = default;
    part_semantic& operator=(part_semantic&&) = default;

    template <class E>
    D& operator=(const xt::xexpression<E>& expression) {
        D& destination = this->derived_cast();
        assign_through<temporary_type>(destination, expression.derived_cast(),
                                       [&] { raise_version_behind(destination); });
        return destination;
    }

private:
    static consteval void require_writable() {
        if constexpr (requires { D::is_writable; }) {
            static_assert(D::is_writable, "this view is read-only: write through xtt::view<T>(tensor), without const");
        }
    }
};

}  // namespace xtt::detail

namespace xt {

template <class CT, class... S>
class xview;
template <class CT, class S, layout_type L, class FST>
class xstrided_view;
template <class CT, class S, layout_type L, class FST>
class xdynamic_view;
template <class CT, class I>
class xindex_view;

template <xtt::detail::tagged_expression CT, class... S>
class xview_semantic<xview<CT, S...>> : public xtt::detail::part_semantic<xview<CT, S...>> {
protected:
    using xtt::detail::part_semantic<xview<CT, S...>>::operator=;
};

template <xtt::detail::tagged_expression CT, class S, layout_type L, class FST>
class xview_semantic<xstrided_view<CT, S, L, FST>> : public xtt::detail::part_semantic<xstrided_view<CT, S, L, FST>> {
protected:
    using xtt::detail::part_semantic<xstrided_view<CT, S, L, FST>>::operator=;
};

template <xtt::detail::tagged_expression CT, class S, layout_type L, class FST>
class xview_semantic<xdynamic_view<CT, S, L, FST>> : public xtt::detail::part_semantic<xdynamic_view<CT, S, L, FST>> {
protected:
    using xtt::detail::part_semantic<xdynamic_view<CT, S, L, FST>>::operator=;
};

template <xtt::detail::tagged_expression CT, class I>
class xview_semantic<xindex_view<CT, I>> : public xtt::detail::part_semantic<xindex_view<CT, I>> {
protected:
    using xtt::detail::part_semantic<xindex_view<CT, I>>::operator=;
};

template <class T, std::size_t N, layout_type L>
class xview_semantic<xtt::tensor_view<T, N, L>> : public xtt::detail::part_semantic<xtt::tensor_view<T, N, L>> {
protected:
    using xtt::detail::part_semantic<xtt::tensor_view<T, N, L>>::operator=;
};

}  // namespace xt

namespace xtt {

namespace detail {

template <class V>
inline constexpr bool is_const_view = false;
template <class T, std::size_t N, xt::layout_type L>
inline constexpr bool is_const_view<const tensor_view<T, N, L>> = true;

template <class V>
concept const_view = is_const_view<V>;

template <const_view V>
void refuse_const_view() {
    static_assert(!const_view<V>, "this view is const and cannot be written: take it as auto& or tensor_view<T>&");
}

}  // namespace detail

/// @cond
// xtensor's operators are members of what may be written; without these the compiler lists why none of them fits.
template <detail::const_view V, class E>
void operator+=(V&, const E&) {
    detail::refuse_const_view<V>();
}

template <detail::const_view V, class E>
void operator-=(V&, const E&) {
    detail::refuse_const_view<V>();
}

template <detail::const_view V, class E>
void operator*=(V&, const E&) {
    detail::refuse_const_view<V>();
}

template <detail::const_view V, class E>
void operator/=(V&, const E&) {
    detail::refuse_const_view<V>();
}

template <detail::const_view V, class E>
void operator%=(V&, const E&) {
    detail::refuse_const_view<V>();
}

template <detail::const_view V, class E>
void operator&=(V&, const E&) {
    detail::refuse_const_view<V>();
}

template <detail::const_view V, class E>
void operator|=(V&, const E&) {
    detail::refuse_const_view<V>();
}

template <detail::const_view V, class E>
void operator^=(V&, const E&) {
    detail::refuse_const_view<V>();
}
/// @endcond

}  // namespace xtt
