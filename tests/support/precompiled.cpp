// A source file for the library that carries the precompiled header.
#include "support/testing.hpp"
