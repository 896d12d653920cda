// Every function of xtensor over a view against the same over an owned copy, on random tensors, by way of each of the
// destinations that this program is compiled for.
#include "differential/compare.hpp"
#include "differential/destinations.hpp"

#include <getopt.h>

#include <cstdlib>
#include <iostream>

namespace {

using differential::property;
using differential::tensor_case;

// The simplest case that still fails.
tensor_case shrunk(const property& tested, tensor_case failing) {
    for (bool simpler = true; simpler;) {
        simpler = false;
        for (const auto& candidate : failing.simpler()) {
            if (!tested.failure(candidate).empty()) {
                failing = candidate;
                simpler = true;
                break;
            }
        }
    }
    return failing;
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t seed = 1;
    std::uint64_t rounds = 100;
    const option names[] = {{"seed", required_argument, nullptr, 's'},
                            {"rounds", required_argument, nullptr, 'r'},
                            {"help", no_argument, nullptr, 'h'},
                            {nullptr, 0, nullptr, 0}};
    for (int name = 0; (name = getopt_long(argc, argv, "", names, nullptr)) != -1;) {
        switch (name) {
            case 's':
                seed = std::strtoull(optarg, nullptr, 10);
                break;
            case 'r':
                rounds = std::strtoull(optarg, nullptr, 10);
                break;
            default:
                std::cout << "Usage: " << argv[0] << " [--seed S] [--rounds N]\n";
                return name == 'h' ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }

    differential::register_elementwise();
    differential::register_reductions();
    differential::register_sorting();
    differential::register_manipulation();
    differential::register_writes();
    differential::register_types();
    differential::register_types_written();
    differential::register_static();

    std::size_t failed = 0;
    for (const char* destination : differential::destinations) {
        std::size_t failed_there = 0;
        for (const auto& tested : differential::properties()) {
            for (std::uint64_t round = 0; round < rounds; ++round) {
                const auto made = tensor_case::random(seed + round);
                if (!tested.failure(made).empty()) {
                    const auto smallest = shrunk(tested, made);
                    std::cout << "FAILED: " << tested.name << ", " << destination << "\n  " << tested.failure(smallest)
                              << "\n  shrunk to " << smallest << "\n  found with --seed " << made.seed
                              << " --rounds 1\n";
                    ++failed_there;
                    break;
                }
            }
        }
        std::cout << destination << ": " << differential::properties().size() - failed_there << " passed, "
                  << failed_there << " failed; " << rounds << " tensors each, from seed " << seed << "\n";
        failed += failed_there;
        ++differential::current_destination;
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
