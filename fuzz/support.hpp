// What the fuzzers share: a property that does not hold ends the process, so that libFuzzer keeps the bytes that led to
// it; an exception is an outcome like a result, and only the documented ones are.
#pragma once

#include <c10/util/Exception.h>

#include <fuzzer/FuzzedDataProvider.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <typeinfo>
#include <vector>

namespace fuzz {

inline void require(bool holds, const char* property) {
    if (!holds) {
        std::fprintf(stderr, "property violated: %s\n", property);
        std::abort();
    }
}

enum class outcome { result, value_error, type_error, error };

/// How a call ends: with a result, or with one of the exceptions that the library documents, which say one sentence or
/// a few. Any other exception is let through, and is a finding.
template <class Call>
outcome outcome_of(Call&& call) {
    try {
        call();
        return outcome::result;
    } catch (const c10::Error& error) {
        const std::string message = error.what();
        if (message.empty() || message.back() != '.' || message.find('\n') != std::string::npos) {
            throw;
        }
        if (typeid(error) == typeid(c10::ValueError)) {
            return outcome::value_error;
        }
        if (typeid(error) == typeid(c10::TypeError)) {
            return outcome::type_error;
        }
        require(typeid(error) == typeid(c10::Error), "the exception is of a documented type");
        return outcome::error;
    }
}

/// Runs the call and requires that it ends so.
template <class Call>
void expect(outcome expected, Call&& call) {
    const outcome seen = outcome_of(call);
    if (seen != expected) {
        std::fprintf(stderr, "expected outcome %d, seen %d\n", static_cast<int>(expected), static_cast<int>(seen));
    }
    require(seen == expected, "the call ends as documented");
}

/// Calls f(position) for every index of the shape in row-major order; the position counts elements from the first one.
template <class F>
void for_each_position(const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides, F&& f) {
    for (const std::int64_t size : sizes) {
        if (size == 0) {
            return;
        }
    }
    std::vector<std::int64_t> index(sizes.size(), 0);
    std::int64_t position = 0;
    for (;;) {
        f(position);
        std::size_t axis = sizes.size();
        while (axis > 0 && ++index[axis - 1] == sizes[axis - 1]) {
            --axis;
            position -= strides[axis] * (sizes[axis] - 1);
            index[axis] = 0;
        }
        if (axis == 0) {
            return;
        }
        position += strides[axis - 1];
    }
}

}  // namespace fuzz
