// The project is the one that the quickstart shows; the program is that of the other consumers.
#include "../program.cpp"
