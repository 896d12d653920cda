// LibTorch reads an operator's schema when the program runs; the types that a function is called with are needed when
// it is compiled. This file reads the schema at compile time, as far as that takes: names, types, defaults, results.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace xtt::detail {

// A string literal as a template argument.
template <std::size_t Size>
struct op_text {
    char characters[Size]{};

    // NOLINTNEXTLINE(google-explicit-constructor): op<"…"> is how it is meant to be written
    consteval op_text(const char (&text)[Size]) { std::copy_n(text, Size, characters); }

    constexpr std::string_view view() const { return {characters, Size - 1}; }
};

// One parameter, as it is written: "Tensor x", "float limit=1.0", or "x" where the type is inferred.
struct parameter_text {
    std::string_view type;
    std::string_view name;
    std::string_view default_value;
    bool keyword_only = false;
};

// Why a schema cannot be read.
enum class schema_mistake { none, no_name, no_end, nameless_parameter, too_many, unknown_type };

struct schema_text {
    static constexpr std::size_t most_parameters = 32;

    std::string_view name;
    std::array<parameter_text, most_parameters> parameters{};
    std::size_t count = 0;
    bool names_parameters = false;
    std::string_view returns;  // what stands behind the arrow, if there is one
    bool states_returns = false;
    schema_mistake mistake = schema_mistake::none;
};

constexpr std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') {
        text.remove_prefix(1);
    }
    while (!text.empty() && text.back() == ' ') {
        text.remove_suffix(1);
    }
    return text;
}

// The text up to the next comma outside brackets; `text` is left with what follows it.
constexpr std::string_view take_item(std::string_view& text) {
    int depth = 0;
    std::size_t end = 0;
    for (; end < text.size() && (depth > 0 || text[end] != ','); ++end) {
        depth += (text[end] == '(' || text[end] == '[') ? 1 : (text[end] == ')' || text[end] == ']') ? -1 : 0;
    }
    const std::string_view item = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return item;
}

// Without a name where there is none.
constexpr parameter_text read_parameter(std::string_view item) {
    parameter_text parameter;
    if (const std::size_t equals = item.find('='); equals != std::string_view::npos) {
        parameter.default_value = trimmed(item.substr(equals + 1));
        item = trimmed(item.substr(0, equals));
    }
    const std::size_t space = item.rfind(' ');
    if (space != std::string_view::npos) {
        parameter.type = trimmed(item.substr(0, space));
        item = item.substr(space + 1);
    }
    if (item.find_first_of("()[]?!*") == std::string_view::npos) {
        parameter.name = item;
    }
    return parameter;
}

// Reads "name", "name(x, limit)", "name(Tensor x, float limit=1.0) -> Tensor" and what lies between, up to the first
// mistake.
constexpr schema_text read_schema(std::string_view text) {
    schema_text schema;
    const std::size_t open = text.find('(');
    schema.name = trimmed(text.substr(0, open));
    if (schema.name.empty() || schema.name.find(':') != std::string_view::npos) {
        schema.mistake = schema_mistake::no_name;
        return schema;
    }
    if (open == std::string_view::npos) {
        return schema;
    }
    const std::size_t arrow = text.find("->", open);
    const std::size_t close = text.rfind(')', arrow);
    if (close == std::string_view::npos || close < open) {
        schema.mistake = schema_mistake::no_end;
        return schema;
    }
    schema.names_parameters = true;
    if (arrow != std::string_view::npos) {
        schema.states_returns = true;
        schema.returns = trimmed(text.substr(arrow + 2));
    }
    bool keyword_only = false;
    std::string_view rest = text.substr(open + 1, close - open - 1);
    while (!trimmed(rest).empty()) {
        const std::string_view item = take_item(rest);
        if (item == "*") {
            keyword_only = true;
            continue;
        }
        if (schema.count == schema_text::most_parameters) {
            schema.mistake = schema_mistake::too_many;
            return schema;
        }
        parameter_text& parameter = schema.parameters[schema.count++];
        parameter = read_parameter(item);
        parameter.keyword_only = keyword_only;
        if (parameter.name.empty()) {
            schema.mistake = schema_mistake::nameless_parameter;
            return schema;
        }
    }
    return schema;
}

enum class word { inferred, tensor, written, real, integer, symbol, boolean, text, scalar, unknown };

// A type in a schema: a word, and what makes it optional ("?") or a list ("[]") behind it.
struct schema_type {
    word base = word::inferred;
    unsigned suffixes = 0;  // digits to the base of three, the last suffix lowest: 1 for "?", 2 for "[]"

    constexpr schema_type optional() const { return {base, 3 * suffixes + 1}; }
    constexpr schema_type list() const { return {base, 3 * suffixes + 2}; }
    constexpr bool is_optional() const { return suffixes % 3 == 1; }
    constexpr bool is_list() const { return suffixes % 3 == 2; }
    // Without the last suffix.
    constexpr schema_type inner() const { return {base, suffixes / 3}; }
    constexpr schema_type with(word other) const { return {other, suffixes}; }

    // GCC 14 needs the word to call it in a constant expression.
    constexpr bool operator==(const schema_type&) const = default;
};

inline constexpr std::pair<std::string_view, word> words[] = {
    {"Tensor", word::tensor}, {"float", word::real}, {"int", word::integer},   {"SymInt", word::symbol},
    {"bool", word::boolean},  {"str", word::text},   {"Scalar", word::scalar},
};

constexpr schema_type read_type(std::string_view type) {
    if (type.ends_with("?")) {
        return read_type(type.substr(0, type.size() - 1)).optional();
    }
    if (type.ends_with("[]")) {
        return read_type(type.substr(0, type.size() - 2)).list();
    }
    for (const auto& [text, base] : words) {
        if (text == type) {
            return {base};
        }
    }
    return {type.empty()                                          ? word::inferred
            : type.starts_with("Tensor(") && type.ends_with("!)") ? word::written
                                                                  : word::unknown};
}

// Whether a parameter of this type can be taken.
constexpr bool is_known(schema_type type) {
    switch (type.base) {
        case word::unknown:
            return false;
        case word::inferred:
        case word::written:
            return type.suffixes == 0;
        case word::tensor:
            return type.inner().suffixes == 0;
        default:
            return true;
    }
}

// The type as the schema has it. An argument that is written has an alias set of its own, named after its position.
inline std::string text_of(schema_type type, std::size_t position = 0) {
    if (type.suffixes != 0) {
        return text_of(type.inner(), position) + (type.is_optional() ? "?" : "[]");
    }
    if (type.base == word::written) {
        return "Tensor(" + std::string(1, static_cast<char>('a' + position)) + "!)";
    }
    const auto found =
        std::find_if(std::begin(words), std::end(words), [&](const auto& entry) { return entry.second == type.base; });
    return std::string(found->first);
}

// Of "(Tensor, Tensor)" what stands between the parentheses; anything else as it is.
constexpr std::string_view within_parentheses(std::string_view returns) {
    const bool has_parentheses = returns.starts_with('(') && returns.ends_with(')');
    return has_parentheses ? returns.substr(1, returns.size() - 2) : returns;
}

using type_list = std::array<schema_type, schema_text::most_parameters>;

// What the compiler needs of a schema. It holds no text: GCC's undefined-behaviour sanitizer takes addresses inside
// template arguments for no constants.
struct schema_outline {
    type_list parameters{};
    std::size_t count = 0;
    bool names_parameters = false;
    type_list results{};  // of "-> Tensor(a!)", which returns an argument, none
    std::size_t result_count = 0;
    bool states_results = false;
    schema_mistake mistake = schema_mistake::none;
};

template <std::size_t Size>
consteval schema_outline outline_of(op_text<Size> text) {
    const schema_text schema = read_schema(text.view());
    schema_outline outline;
    outline.count = schema.count;
    outline.names_parameters = schema.names_parameters;
    outline.mistake = schema.mistake;
    for (std::size_t i = 0; i < schema.count; ++i) {
        outline.parameters[i] = read_type(schema.parameters[i].type);
        if (!is_known(outline.parameters[i]) && outline.mistake == schema_mistake::none) {
            outline.mistake = schema_mistake::unknown_type;
        }
    }
    outline.states_results = schema.states_returns;
    const bool returns_parameters = schema.returns.find('!') != std::string_view::npos;
    std::string_view rest = returns_parameters ? std::string_view() : within_parentheses(schema.returns);
    while (!trimmed(rest).empty()) {
        if (outline.result_count == schema_text::most_parameters) {
            outline.mistake = schema_mistake::too_many;
            break;
        }
        const std::string_view item = take_item(rest);
        outline.results[outline.result_count++] = read_type(item.substr(0, item.find(' ')));
    }
    return outline;
}

}  // namespace xtt::detail
