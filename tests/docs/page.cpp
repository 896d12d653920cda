// The pages that are linked, and what their blocks call.
#include "page.hpp"

#include <map>

namespace docs {

static std::map<std::string, void (*)()>& pages() {
    static std::map<std::string, void (*)()> all;
    return all;
}

page::page(const char* name, void (*run)()) { pages()[name] = run; }

void begin(int block) { std::cout << '\x1e' << block << "\n"; }

bool has(const std::string& what, int block) {
    const bool present = at::globalContext().hasCUDA() == (what == "CUDA");
    if (!present) {
        std::cout << '\x1e' << block << " skipped\n";
    }
    return present;
}

// The most derived types first.
void print_exception(void (*block)(void*), void* context) {
    try {
        block(context);
        std::cout << "nothing was thrown\n";
    } catch (const c10::TypeError& error) {
        std::cout << "c10::TypeError: " << error.what() << "\n";
    } catch (const c10::ValueError& error) {
        std::cout << "c10::ValueError: " << error.what() << "\n";
    } catch (const c10::IndexError& error) {
        std::cout << "c10::IndexError: " << error.what() << "\n";
    } catch (const c10::Error& error) {
        std::cout << "c10::Error: " << error.what_without_backtrace() << "\n";
    } catch (const std::exception& error) {
        std::cout << "std::exception: " << error.what() << "\n";
    }
}

int run(const std::string& name) {
    const auto found = pages().find(name);
    if (found == pages().end()) {
        std::cerr << "docs_pages: there is no page of the name '" << name << "'\n";
        return 2;
    }
    found->second();
    return 0;
}

}  // namespace docs
