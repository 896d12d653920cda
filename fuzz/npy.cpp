// Bytes become a file of NumPy's, which is loaded and adopted: the tensor holds what the file does, or the loader
// refuses it. Half of the time the bytes are the whole file, half of the time a header is written before them.
#include "support.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/io/xnpy.hpp>
#else
#include <xtensor/xnpy.hpp>
#endif

#include <algorithm>
#include <cctype>
#include <complex>
#include <limits>
#include <locale>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string_view>

using fuzz::require;

namespace {

constexpr std::size_t preamble = 10;  // magic string, version, length of the header

// What the header of a file says, read as the format defines it, and where the elements begin.
struct announced {
    std::vector<std::int64_t> sizes;
    bool fortran_order = false;
    std::size_t begin = 0;
};

std::size_t item_size(std::string_view header) {
    const std::size_t found = header.find("'descr':");
    std::size_t size = 0;
    for (std::size_t i = found + 8; found != std::string_view::npos && i < header.size() && header[i] != ','; ++i) {
        size = std::isdigit(static_cast<unsigned char>(header[i]))
                   ? size * 10 + static_cast<std::size_t>(header[i] - '0')
                   : size;
        if (size > 1024) {
            return 0;
        }
    }
    return size;
}

// xtensor's loader believes the header: it reads a string without characters, allocates whatever the shape says, and
// does not ask whether the file is long enough. Only files that hold what they announce are given to it.
bool is_whole(const std::string& file, announced& said) {
    if (file.size() < preamble || file.compare(0, 8, std::string("\x93NUMPY\x01\x00", 8)) != 0) {
        return false;
    }
    const std::size_t length = static_cast<unsigned char>(file[8]) + 256u * static_cast<unsigned char>(file[9]);
    said.begin = preamble + length;
    // A length whose low byte is above 127 is read as a signed character by xtensor.
    if (length == 0 || static_cast<unsigned char>(file[8]) > 127 || said.begin > file.size()) {
        return false;
    }
    std::string header = file.substr(preamble, length);
    header.erase(std::remove(header.begin(), header.end(), ' '), header.end());
    said.fortran_order = header.find("'fortran_order':True") != std::string::npos;
    const std::size_t open = header.find("'shape':(");
    const std::size_t close = header.find(')', open == std::string::npos ? 0 : open);
    if (open == std::string::npos || close == std::string::npos || header.find('(') != open + 8) {
        return false;
    }
    std::size_t count = std::max<std::size_t>(1, item_size(header));
    std::istringstream shape(header.substr(open + 9, close - open - 9));
    for (std::string size; std::getline(shape, size, ',');) {
        if (size.empty() || size.size() > 4 || size.find_first_not_of("0123456789") != std::string::npos) {
            return false;
        }
        said.sizes.push_back(std::stoll(size));
        count *= static_cast<std::size_t>(said.sizes.back());
        if (count > file.size()) {
            return false;
        }
    }
    return said.begin + count <= file.size();
}

template <class T>
void load_and_adopt(const std::string& file, const announced& said) {
    std::istringstream stream(file);
    at::Tensor tensor;
    try {
        tensor = xtt::adopt(xt::load_npy<T>(stream));
    } catch (const std::runtime_error&) {
        return;  // another element type, or a header that xtensor does not take
    }
    require(tensor.scalar_type() == xtt::scalar_type_v<T>, "the dtype is the file's");
    require(tensor.sizes() == at::IntArrayRef(said.sizes), "the shape is the file's");
    std::vector<std::int64_t> strides(said.sizes.size());
    std::int64_t next = 1;
    for (std::size_t i = 0; i < strides.size(); ++i) {
        const std::size_t axis = said.fortran_order ? i : strides.size() - 1 - i;
        strides[axis] = next;
        next *= said.sizes[axis];
    }
    const auto view = xtt::view<const T>(tensor);
    std::size_t i = 0;
    fuzz::for_each_position(said.sizes, strides, [&](std::int64_t position) {
        const T& element = view.flat(i++);
        require(std::memcmp(&element, file.data() + said.begin + static_cast<std::size_t>(position) * sizeof(T),
                            sizeof(T)) == 0,
                "the elements are the file's");
    });
}

std::string with_header(FuzzedDataProvider& data) {
    std::string shape;
    const int rank = data.ConsumeIntegralInRange(0, 4);
    for (int i = 0; i < rank; ++i) {
        shape += std::to_string(data.ConsumeIntegralInRange(0, 4)) + ",";
    }
    std::string header =
        std::string("{'descr': '") + data.PickValueInArray({"<f4", "<f8", "<i8", "|u1", "|b1", "<c8", ">f4"}) +
        "', 'fortran_order': " + (data.ConsumeBool() ? "True" : "False") + ", 'shape': (" + shape + "), }";
    header.resize((header.size() / 16 + 1) * 16 + 5, ' ');
    header += '\n';
    const auto length = static_cast<char>(header.size());
    return std::string("\x93NUMPY\x01\x00", 8) + length + '\0' + header + data.ConsumeRemainingBytesAsString();
}

// xtensor compiles a regular expression for each file, and libstdc++ asks the locale's collation some hundred times for
// one. The classic order without the copies that std::collate makes takes half of the time off a run.
struct classic_collation : std::collate<char> {
    std::string do_transform(const char* first, const char* last) const override { return {first, last}; }
};
const std::locale locale_before = std::locale::global(std::locale(std::locale::classic(), new classic_collation));

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    FuzzedDataProvider data(bytes, size);
    const int type = data.ConsumeIntegralInRange(0, 5);
    const std::string file = data.ConsumeBool() ? with_header(data) : data.ConsumeRemainingBytesAsString();
    announced said;
    if (!is_whole(file, said)) {
        return 0;
    }
    switch (type) {
        case 0:
            load_and_adopt<float>(file, said);
            break;
        case 1:
            load_and_adopt<double>(file, said);
            break;
        case 2:
            load_and_adopt<std::int64_t>(file, said);
            break;
        case 3:
            load_and_adopt<std::uint8_t>(file, said);
            break;
        case 4:
            load_and_adopt<bool>(file, said);
            break;
        default:
            load_and_adopt<std::complex<float>>(file, said);
    }
    return 0;
}
