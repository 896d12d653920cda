// What compiles a program calls an operator with sizes that are symbols, c10::SymInt; an xtensor expression has its
// shape in numbers. This file puts numbers in the place of the symbols of a call.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>
#include <c10/core/SymIntArrayRef.h>
#include <c10/util/DimVector.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace xtt::detail {

inline bool has_symbolic_shape(const at::Tensor& tensor) {
    return tensor.unsafeGetTensorImpl()->has_symbolic_sizes_strides();
}

// Makes the sizes facts of the program that is being compiled.
inline c10::DimVector concrete_sizes(const at::Tensor& tensor) {
    c10::DimVector sizes;
    for (const auto& size : tensor.sym_sizes()) {
        sizes.push_back(size.guard_int(__FILE__, __LINE__));
    }
    return sizes;
}

// The symbols among the sizes and integers of a call, and a number for each, which the caller gives. Sizes that are
// known to differ by a constant, n and n + 1, are one symbol, the smallest of them: then they keep their difference.
struct size_numbers {
    std::vector<c10::SymInt> symbols;
    std::vector<std::int64_t> numbers;

    // A number is none.
    void add(const c10::SymInt& size) {
        if (!size.maybe_as_int()) {
            add_symbol(size);
        }
    }

    void add_each(c10::SymIntArrayRef sizes) {
        for (const c10::SymInt& size : sizes) {
            add(size);
        }
    }

    std::int64_t of(const c10::SymInt& size) const {
        const std::optional<std::int64_t> known = size.maybe_as_int();
        return known ? *known : number_for(size);
    }

    c10::DimVector sizes_of(const at::Tensor& tensor) const {
        c10::DimVector sizes;
        for (const c10::SymInt& size : tensor.sym_sizes()) {
            sizes.push_back(of(size));
        }
        return sizes;
    }

private:
    // A difference is a symbol, too, and a number where the symbols in it cancel out; no fact is made of either.
    static std::optional<std::int64_t> difference(const c10::SymInt& a, const c10::SymInt& b) {
        return (a - b).maybe_as_int();
    }

    void add_symbol(const c10::SymInt& size) {
        for (c10::SymInt& symbol : symbols) {
            if (const auto distance = difference(size, symbol)) {
                symbol = *distance < 0 ? size : symbol;
                return;
            }
        }
        symbols.push_back(size);
    }

    std::int64_t number_for(const c10::SymInt& size) const {
        for (std::size_t i = 0; i < symbols.size(); ++i) {
            if (const auto distance = difference(size, symbols[i])) {
                return numbers[i] + *distance;
            }
        }
        return size.guard_int(__FILE__, __LINE__);
    }
};

}  // namespace xtt::detail
