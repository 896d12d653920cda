// Two files of one program may mean one thing only by a template of xtensor's, whichever of them the linker takes it
// from.
#include <cstdio>
#include <cstdlib>
#include <vector>

using results = std::vector<double>;
results results_of_xtensor_alone();
results results_with_the_library();

int main() {
    const results alone = results_of_xtensor_alone();
    const results with_library = results_with_the_library();
    if (alone.empty() || alone != with_library) {
        std::puts("the two files give different results");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
