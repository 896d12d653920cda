// On the meta device a function tells the shapes of its results for arguments of given shapes. Where sizes are symbols,
// this file calls it with several numbers in the place of each, and reads from the answers how the results' sizes
// follow the symbols: as sums of multiples, which is what reductions, transposes, slices and concatenations make, of
// products of two, which flattening makes, or as such a sum divided, which halves and slices with steps make.
#pragma once

#include <xtensor-torch/operators/arguments.hpp>
#include <xtensor-torch/operators/size_numbers.hpp>

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/stack.h>
#include <c10/core/SymInt.h>
#include <c10/core/SymIntArrayRef.h>
#include <c10/util/FunctionRef.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

namespace xtt::detail {

inline at::Tensor empty_meta(c10::SymIntArrayRef sizes, c10::ScalarType dtype) {
    return at::Tensor(
        at::detail::empty_symint_meta(sizes, dtype, std::nullopt, c10::Device(c10::kMeta), std::nullopt, std::nullopt));
}

// Ranks, sizes and strides of the results for some numbers.
struct answer {
    std::vector<std::int64_t> numbers;
    std::vector<std::int64_t> sizes;
};

// How one size of a result follows the symbols.
struct size_rule {
    std::int64_t constant = 0;
    std::vector<std::int64_t> factors;   // one a symbol
    std::vector<std::int64_t> products;  // of symbols i and j, i <= j, at product_of(i, j)
    std::int64_t divisor = 1;            // of the sum, rounded down

    explicit size_rule(std::size_t symbols) : factors(symbols), products(symbols * (symbols + 1) / 2) {}

    static std::size_t product_of(std::size_t i, std::size_t j) { return j * (j + 1) / 2 + i; }

    // `values` are those of the symbols, numbers or the symbols themselves.
    template <class S>
    S with(const std::vector<S>& values) const {
        S sum = constant;
        const auto add = [&](std::int64_t factor, const auto&... value) {
            sum = factor == 0 ? sum : sum + (S(factor) * ... * value);
        };
        for (std::size_t j = 0; j < values.size(); ++j) {
            add(factors[j], values[j]);
            for (std::size_t i = 0; i <= j; ++i) {
                add(products[product_of(i, j)], values[i], values[j]);
            }
        }
        return divisor == 1 ? sum : sum / S(divisor);
    }
};

// Thrown and caught here: the sizes of some result follow the symbols in no such way.
struct no_rule : std::exception {};

// Makes the results of a call with symbols among its sizes. `call` makes those for numbers in their place.
class symbolic_call {
public:
    using call_type = c10::function_ref<torch::jit::Stack(const size_numbers&)>;

    symbolic_call(size_numbers symbols, call_type call) : symbols_(std::move(symbols)), call_(call) {}

    // Nothing where the sizes follow no such rule, or the function refuses some of the numbers.
    std::optional<torch::jit::Stack> results() {
        try {
            const std::vector<std::int64_t> numbers(symbols_.symbols.size(), usual);
            torch::jit::Stack found = call_with(numbers);
            // Elementwise expressions gave symbols.
            if (const answer first{numbers, sizes_in(found)}; !first.sizes.empty()) {
                find_rules(first);
                std::size_t rule = 0;
                found = with_tensors(found, [&](const at::Tensor& tensor) { return in_symbols(tensor, rule); });
            }
            return found;
        } catch (const std::exception&) {  // the call with the real sizes says what is wrong, if anything is
            return std::nullopt;
        }
    }

private:
    static constexpr std::int64_t few = 2;
    static constexpr std::int64_t usual = 17;
    static constexpr std::int64_t many = 1021;
    static constexpr std::int64_t most_divided = 4;

    torch::jit::Stack call_with(const std::vector<std::int64_t>& numbers) {
        symbols_.numbers = numbers;
        return call_(symbols_);
    }

    // Of each tensor whose sizes are numbers: the rank, whether it is contiguous, the sizes, and the strides if it is
    // not.
    static std::vector<std::int64_t> sizes_in(const torch::jit::Stack& results) {
        std::vector<std::int64_t> sizes;
        for (const c10::IValue& result : results) {
            for (const at::Tensor& tensor : tensors_in(result)) {
                if (tensor.defined() && !has_symbolic_shape(tensor)) {
                    sizes.insert(sizes.end(), {tensor.dim(), tensor.is_contiguous() ? 1 : 0});
                    sizes.insert(sizes.end(), tensor.sizes().begin(), tensor.sizes().end());
                    if (!tensor.is_contiguous()) {
                        sizes.insert(sizes.end(), tensor.strides().begin(), tensor.strides().end());
                    }
                }
            }
        }
        return sizes;
    }

    answer ask(const std::vector<std::int64_t>& numbers) { return {numbers, sizes_in(call_with(numbers))}; }

    answer ask(std::vector<std::int64_t> numbers, std::size_t symbol, std::int64_t number) {
        numbers[symbol] = number;
        return ask(numbers);
    }

    // Whether size `k` of the answer is the one that the rule gives.
    static bool fits(const size_rule& rule, const answer& given, std::size_t k) {
        return given.sizes.at(k) == rule.with(given.numbers);
    }

    bool fits_few(const std::vector<std::int64_t>& numbers, std::size_t symbol) {
        try {
            for (const std::int64_t number : {few, few + 1}) {
                const answer given = ask(numbers, symbol, number);
                for (std::size_t k = 0; k < rules_.size(); ++k) {
                    if (!fits(rules_[k], given, k)) {
                        return false;
                    }
                }
            }
            return true;
        } catch (const std::exception&) {
            return false;
        }
    }

    void find_rules(const answer& first) {
        const std::size_t count = first.numbers.size();
        std::vector<std::vector<answer>> after(count);  // for one symbol some steps further
        std::vector<answer> pairs;                      // for two symbols one step further, as products are counted
        std::vector<answer> checks;
        std::vector<std::int64_t> together = first.numbers;
        for (std::size_t j = 0; j < count; ++j) {
            for (std::int64_t steps = 1; steps <= most_divided; ++steps) {
                after[j].push_back(ask(first.numbers, j, usual + steps));
            }
            for (std::size_t i = 0; i <= j; ++i) {
                pairs.push_back(i == j ? after[j][1] : ask(after[j][0].numbers, i, usual + 1));
            }
            checks.insert(checks.end(), after[j].begin(), after[j].end());
            checks.push_back(ask(first.numbers, j, many));
            together[j] += static_cast<std::int64_t>(j) + 1;
        }
        checks.insert(checks.end(), pairs.begin(), pairs.end());
        checks.push_back(ask(together));
        for (std::size_t k = 0; k < first.sizes.size(); ++k) {
            rules_.push_back(find_rule(k, first, after, pairs, checks));
        }
        // Of a slice of up to a few elements a lower bound becomes a fact, and no more.
        for (std::size_t j = 0; j < count; ++j) {
            if (!fits_few(first.numbers, j) && !symbols_.symbols[j].sym_ge(usual).guard_bool(__FILE__, __LINE__)) {
                throw no_rule();
            }
        }
    }

    // The rule of size `k` that all checks fit.
    static size_rule find_rule(std::size_t k, const answer& first, const std::vector<std::vector<answer>>& after,
                               const std::vector<answer>& pairs, const std::vector<answer>& checks) {
        const std::size_t count = after.size();
        for (std::int64_t divisor = 1; divisor <= most_divided; ++divisor) {
            size_rule rule(count);
            for (std::size_t j = 0; j < count; ++j) {
                rule.factors[j] = after[j][static_cast<std::size_t>(divisor) - 1].sizes.at(k) - first.sizes[k];
            }
            if (divisor == 1) {
                add_products(rule, k, first, after, pairs);
            }
            rule.constant = first.sizes[k] * divisor - rule.with(first.numbers);
            rule.divisor = divisor;
            for (std::int64_t rest = 0; rest < divisor; ++rest, ++rule.constant) {
                if (std::all_of(checks.begin(), checks.end(),
                                [&](const answer& given) { return fits(rule, given, k); })) {
                    return rule;
                }
            }
        }
        throw no_rule();
    }

    // How a size bends in two directions is the factor of the product; the factors are what products leave.
    static void add_products(size_rule& rule, std::size_t k, const answer& first,
                             const std::vector<std::vector<answer>>& after, const std::vector<answer>& pairs) {
        const std::size_t count = after.size();
        size_rule products(count);
        for (std::size_t j = 0; j < count; ++j) {
            for (std::size_t i = 0; i <= j; ++i) {
                const std::size_t pair = size_rule::product_of(i, j);
                const std::int64_t bend =
                    pairs[pair].sizes.at(k) - after[i][0].sizes.at(k) - after[j][0].sizes.at(k) + first.sizes[k];
                products.products[pair] = i == j ? bend / 2 : bend;
            }
        }
        for (std::size_t j = 0; j < count; ++j) {
            rule.factors[j] -= products.with(after[j][0].numbers) - products.with(first.numbers);
        }
        rule.products = products.products;
    }

    // A tensor of one shape whatever the symbols are stays itself: it may be an argument that the schema returns.
    at::Tensor in_symbols(const at::Tensor& tensor, std::size_t& rule) const {
        if (!tensor.defined() || has_symbolic_shape(tensor)) {
            return tensor;
        }
        rule += 2;  // the rank, and whether it is contiguous
        const c10::SymDimVector sizes = next_in_symbols(tensor.dim(), rule);
        const c10::SymDimVector strides = next_in_symbols(tensor.is_contiguous() ? 0 : tensor.dim(), rule);
        const auto is_known = [](const c10::SymInt& size) { return size.maybe_as_int().has_value(); };
        if (std::all_of(sizes.begin(), sizes.end(), is_known)) {
            return tensor;
        }
        return tensor.is_contiguous()
                   ? empty_meta(sizes, tensor.scalar_type())
                   : at::Tensor(at::detail::empty_strided_symint_meta(sizes, strides, tensor.scalar_type()));
    }

    c10::SymDimVector next_in_symbols(std::int64_t count, std::size_t& rule) const {
        c10::SymDimVector values;
        for (std::int64_t i = 0; i < count; ++i) {
            values.push_back(rules_[rule++].with(symbols_.symbols));
        }
        return values;
    }

    size_numbers symbols_;
    call_type call_;
    std::vector<size_rule> rules_;
};

}  // namespace xtt::detail
