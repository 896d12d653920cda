// Runs the blocks of the page that is named on the command line. The pages are a library, which Python loads, too.
#include <string>

namespace docs {
int run(const std::string& name);
}

int main(int count, char** arguments) { return docs::run(count == 2 ? arguments[1] : ""); }
