// Broadcasting lines shapes up from the right, and a reducer takes axes away: the same dimension has other numbers in
// other parts of an expression. This file follows the dimensions through an expression and finds its rows: what its
// reducers reduce, or what lies one after another where it has none.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/SmallVector.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace xtt::detail {

/// One label for each dimension, outermost first. Dimensions that are broadcast against each other have the same one.
using dimension_labels = c10::SmallVector<int, 6>;

inline dimension_labels labels_of_root(std::size_t rank) {
    dimension_labels labels;
    for (std::size_t d = rank; d-- > 0;) {
        labels.push_back(static_cast<int>(d));
    }
    return labels;
}

// What dimensions that a reducer takes away are called where they are none of the result's.
inline constexpr int first_label_below = 1000;

/// What a walk through an expression meets. `is_found` is false where its reducers do not reduce the same dimensions.
class labelled_dimensions {
public:
    explicit labelled_dimensions(std::size_t arguments) : m_arguments(arguments) {}

    bool is_found() const { return m_found; }

    template <class Shape>
    void meet(const Shape& shape, const dimension_labels& labels) {
        for (std::size_t d = 0; d < labels.size(); ++d) {
            const auto size = static_cast<std::int64_t>(shape[d]);
            std::int64_t& known = size_of(labels[d]);
            known = known == 1 ? size : known;
            require(std::count(labels.begin(), labels.end(), labels[d]) == 1);
        }
    }

    template <class Shape>
    void meet_argument(std::size_t number, const Shape& shape, const dimension_labels& labels) {
        meet(shape, labels);
        require(!m_arguments[number] || *m_arguments[number] == labels);
        m_arguments[number] = labels;
    }

    // Returns the labels of a reducer's operand.
    template <class Shape>
    dimension_labels meet_reducer(const Shape& operand, const std::vector<std::int64_t>& axes, bool keeps,
                                  const dimension_labels& labels) {
        const auto rank = static_cast<std::int64_t>(operand.size());
        const auto count = static_cast<std::int64_t>(axes.size());
        const bool leading = axes.empty() || axes.back() + 1 == count;
        dimension_labels below;
        reduced_dimensions reduced;
        for (std::int64_t d = 0, next = 0; d < rank; ++d) {
            const auto axis = std::find(axes.begin(), axes.end(), d);
            const bool stays = axis == axes.end();
            below.push_back(keeps || stays ? labels[static_cast<std::size_t>(next++)]
                            : leading      ? static_cast<int>(rank - 1 - d)
                                           : first_label_below + static_cast<int>(axis - axes.begin()));
            if (!stays) {
                reduced.emplace_back(below.back(), static_cast<std::int64_t>(operand[static_cast<std::size_t>(d)]));
            }
        }
        meet(operand, below);
        std::sort(reduced.begin(), reduced.end());
        m_reduced.push_back(std::move(reduced));
        return below;
    }

    bool is_reduced(int label) const {
        return !m_reduced.empty() && std::any_of(m_reduced[0].begin(), m_reduced[0].end(),
                                                 [&](const auto& dimension) { return dimension.first == label; });
    }

    // To be asked after the walk: every reducer takes away the same dimensions, in their whole length.
    void compare_reducers() {
        for (reduced_dimensions& reduced : m_reduced) {
            std::erase_if(reduced, [&](const auto& dimension) { return size_of(dimension.first) == 1; });
            require(!reduced.empty() && reduced == m_reduced[0]);
            for (const auto& [label, size] : reduced) {
                require(size == size_of(label));
            }
        }
    }

    const std::optional<dimension_labels>& argument(std::size_t number) const { return m_arguments[number]; }
    const auto& sizes() const { return m_sizes; }

    void require(bool condition) { m_found = m_found && condition; }

private:
    using reduced_dimensions = std::vector<std::pair<int, std::int64_t>>;

    std::int64_t& size_of(int label) {
        for (auto& [known, size] : m_sizes) {
            if (known == label) {
                return size;
            }
        }
        return m_sizes.emplace_back(label, 1).second;
    }

    bool m_found = true;
    c10::SmallVector<std::pair<int, std::int64_t>, 6> m_sizes;
    std::vector<std::optional<dimension_labels>> m_arguments;
    std::vector<reduced_dimensions> m_reduced;
};

/// How an operand moves along the dimensions of rows and along those of columns, innermost first, in elements.
struct row_strides {
    c10::SmallVector<std::ptrdiff_t, 6> rows;
    c10::SmallVector<std::ptrdiff_t, 6> columns;

    bool is_unit() const { return columns.size() == 1 && columns[0] == 1; }
    bool is_uniform() const {
        return std::all_of(columns.begin(), columns.end(), [](std::ptrdiff_t stride) { return stride == 0; });
    }
};

/// A two-dimensional order of all elements that an expression has to do with.
class row_space {
public:
    // So many elements of a row are computed at a time; their intermediate values stay in the processor's first cache.
    static constexpr std::ptrdiff_t block = 1024;

    row_space(const labelled_dimensions& dimensions) {
        for (const auto& [label, size] : dimensions.sizes()) {
            if (size != 1) {
                m_dimensions.push_back({label, size, dimensions.is_reduced(label)});
                m_reduces = m_reduces || m_dimensions.back().reduced;
            }
        }
        // Innermost first.
        std::sort(m_dimensions.begin(), m_dimensions.end(), [](const dimension& x, const dimension& y) {
            const bool below = x.label >= first_label_below;
            return below != (y.label >= first_label_below) ? below : below ? x.label > y.label : x.label < y.label;
        });
        if (!m_reduces) {
            // Short rows cost more than they compute.
            std::ptrdiff_t columns = 1;
            for (dimension& inner : m_dimensions) {
                inner.reduced = columns < block / 4;
                columns *= inner.size;
            }
        }
        for (const dimension& along : m_dimensions) {
            (along.reduced ? m_columns : m_rows) *= along.size;
        }
    }

    template <class Shape, class Strides>
    row_strides strides_of(const Shape& shape, const Strides& strides, const dimension_labels& labels) const {
        row_strides result;
        for (const dimension& along : m_dimensions) {
            std::ptrdiff_t stride = 0;
            for (std::size_t d = 0; d < labels.size(); ++d) {
                if (labels[d] == along.label && shape[d] != 1) {
                    stride = static_cast<std::ptrdiff_t>(strides[d]);
                }
            }
            (along.reduced ? result.columns : result.rows).push_back(stride);
        }
        return result;
    }

    // Takes dimensions for one wherever all operands allow it.
    void merge(c10::ArrayRef<row_strides*> operands) {
        m_row_sizes = merged(false, operands, &row_strides::rows);
        m_column_sizes = merged(true, operands, &row_strides::columns);
    }

    // Whether rows end where a reducer does.
    bool reduces() const { return m_reduces; }
    std::ptrdiff_t rows() const { return m_rows; }
    std::ptrdiff_t columns() const { return m_columns; }
    c10::ArrayRef<std::ptrdiff_t> column_sizes() const { return m_column_sizes; }

    // How many columns an operand has.
    template <class Shape>
    std::ptrdiff_t columns_of(const Shape& shape, const dimension_labels& labels) const {
        std::ptrdiff_t columns = 1;
        for (const dimension& along : m_dimensions) {
            for (std::size_t d = 0; d < labels.size(); ++d) {
                columns *= along.reduced && labels[d] == along.label ? static_cast<std::ptrdiff_t>(shape[d]) : 1;
            }
        }
        return columns;
    }

    std::ptrdiff_t row_offset(const row_strides& strides, std::ptrdiff_t row) const {
        return offset(m_row_sizes, strides.rows, row);
    }

private:
    using sizes = c10::SmallVector<std::ptrdiff_t, 6>;

    struct dimension {
        int label;
        std::ptrdiff_t size;
        bool reduced;
    };

    static std::ptrdiff_t offset(const sizes& along, c10::ArrayRef<std::ptrdiff_t> strides, std::ptrdiff_t index) {
        std::ptrdiff_t result = 0;
        for (std::size_t d = 0; d < along.size(); ++d) {
            const bool last = d + 1 == along.size();
            result += (last ? index : index % along[d]) * strides[d];
            index = last ? 0 : index / along[d];
        }
        return result;
    }

    sizes merged(bool reduced, c10::ArrayRef<row_strides*> operands,
                 c10::SmallVector<std::ptrdiff_t, 6> row_strides::* strides) {
        sizes result;
        std::size_t d = 0;  // among the dimensions of this kind
        for (const dimension& along : m_dimensions) {
            if (along.reduced != reduced) {
                continue;
            }
            const bool joins = !result.empty() && std::all_of(operands.begin(), operands.end(), [&](row_strides* x) {
                return (x->*strides)[d] == (x->*strides)[result.size() - 1] * result.back();
            });
            if (joins) {
                result.back() *= along.size;
            } else {
                for (row_strides* x : operands) {
                    (x->*strides)[result.size()] = (x->*strides)[d];
                }
                result.push_back(along.size);
            }
            ++d;
        }
        for (row_strides* x : operands) {
            (x->*strides).resize(result.size());
        }
        return result;
    }

    c10::SmallVector<dimension, 6> m_dimensions;
    bool m_reduces = false;
    sizes m_row_sizes;
    sizes m_column_sizes;
    std::ptrdiff_t m_rows = 1;
    std::ptrdiff_t m_columns = 1;
};

}  // namespace xtt::detail
