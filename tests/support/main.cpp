// Catch2 2 needs one file with its main function; Catch2 3 brings a library.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#include <cfloat>  // Catch2 2 uses its macros and does not include it
