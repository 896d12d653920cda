// The schema of a registration may leave out what the function says. This file fills it in, and writes the schemas of
// operators that have none of their own.
#pragma once

#include <xtensor-torch/operators/definition.hpp>
#include <xtensor-torch/operators/results.hpp>
#include <xtensor-torch/operators/schema.hpp>

#include <ATen/core/function_schema.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xtt::detail {

template <class... A>
std::vector<std::string> schema_types(types<A...>) {
    std::size_t position = 0;
    return {text_of(A::type, position++)...};
}

inline std::vector<std::string> labels_for(const std::string& name, const std::vector<std::string>& names) {
    std::vector<std::string> labels;
    for (const std::string& parameter : names) {
        labels.push_back(name + ": argument '" + parameter + "'");
    }
    return labels;
}

// "softclip" and "softclip.out" become "softclip_backward" and "softclip_backward.out".
inline std::string with_suffix(const std::string& name, const std::string& suffix) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    return name.substr(0, dot) + suffix + name.substr(dot);
}

// A name that none of the parameters has.
inline std::string free_name(std::string name, const std::vector<std::string>& taken) {
    const auto is_taken = [&](const std::string& parameter) { return parameter.starts_with(name); };
    while (std::any_of(taken.begin(), taken.end(), is_taken)) {
        name = "grad_" + name;
    }
    return name;
}

inline void append_names(std::vector<std::string>& names, const std::string& stem, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        names.push_back(count == 1 ? stem : stem + "_" + std::to_string(i));
    }
}

inline std::string parameter_name(const schema_text& given, std::size_t number) {
    const std::string_view name = given.names_parameters ? given.parameters[number].name : std::string_view();
    return name.empty() ? "_" + std::to_string(number) : std::string(name);
}

// Reads the schema that was given, and fills in what it leaves out.
template <class Definition>
std::string complete_schema(const schema_text& given, op_description& description) {
    const auto inferred = schema_types(some_arguments<Definition>());
    std::string text = description.name + "(";
    bool keyword_only = false;
    for (std::size_t i = 0; i < inferred.size(); ++i) {
        const parameter_text parameter = given.names_parameters ? given.parameters[i] : parameter_text{};
        const std::string type = parameter.type.empty() ? inferred[i] : std::string(parameter.type);
        description.names.push_back(parameter_name(given, i));
        text += i == 0 ? "" : ", ";
        if (parameter.keyword_only && !keyword_only) {
            text += "*, ";
            keyword_only = true;
        }
        text += type + " " + description.names[i];
        if (!parameter.default_value.empty()) {
            text += "=" + std::string(parameter.default_value);
        }
    }
    using items = visible_results<Definition, some_items<Definition>>;
    return text + ") -> " + (given.states_returns ? std::string(given.returns) : schema_of_results(items()));
}

// The schema of the operator that returns the saved results, too: that of the one without them, with another name.
template <class Definition>
std::string schema_with_saved(const std::string& schema, const std::string& name) {
    const std::size_t parameters = schema.find('(');
    return name + schema.substr(parameters, schema.rfind(" -> ") - parameters) + " -> " +
           schema_of_results(some_items<Definition>());
}

// Which parameters a schema like "(Tensor(a!) x) -> Tensor(a!)" returns.
inline std::vector<std::size_t> returned_parameters(const c10::FunctionSchema& schema) {
    std::vector<std::size_t> returned;
    for (const c10::Argument& result : schema.returns()) {
        for (std::size_t i = 0; i < schema.arguments().size() && result.alias_info() != nullptr; ++i) {
            const c10::AliasInfo* const alias = schema.arguments()[i].alias_info();
            if (alias != nullptr && alias->beforeSet() == result.alias_info()->beforeSet()) {
                returned.push_back(i);
                break;
            }
        }
    }
    return returned;
}

inline std::string parameter_list(const std::vector<std::string>& types, const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < types.size(); ++i) {
        text += (i == 0 ? "" : ", ") + types[i] + " " + names[i];
    }
    return text;
}

// The schema of an operator whose own one cannot be taken: the parameters and results that the function has.
template <class Definition>
std::string schema_of_function(const schema_text& given) {
    const auto types = schema_types(some_arguments<Definition>());
    std::vector<std::string> names;
    for (std::size_t i = 0; i < types.size(); ++i) {
        names.push_back(parameter_name(given, i));
    }
    return std::string(given.name) + "(" + parameter_list(types, names) + ") -> " +
           schema_of_results(some_items<Definition>());
}

template <class Definition>
std::string schema_of_backward(const Definition& definition) {
    const auto types = schema_types(some_arguments<Definition>());
    return definition.dispatched + "(" + parameter_list(types, definition.names) + ", bool[] " +
           free_name("needs_input_grad", definition.names) + ") -> " + schema_of_results(some_items<Definition>());
}

}  // namespace xtt::detail
