// Catch2 2 needs one file with its main function; Catch2 3 brings a library. Catch2 2 uses the macros of <cfloat> and
// does not include it.
#include <cfloat>

#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
