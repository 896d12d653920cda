// PNG files as xtensor containers of bytes, by libpng.
#pragma once

#include <xtensor-torch/xtensor-torch.hpp>

#include <png.h>

#include <cstdint>
#include <stdexcept>
#include <string>

/// Row, column, colour: red, green, blue. In the order of the file, whatever XTENSOR_DEFAULT_LAYOUT says.
using picture = xt::xtensor<std::uint8_t, 3, xt::layout_type::row_major>;

/// Throws std::runtime_error where the file is missing or is no PNG.
inline picture read_png(const std::string& path) {
    png_image header{};
    header.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_file(&header, path.c_str()) == 0) {
        throw std::runtime_error(path + ": " + header.message);
    }
    header.format = PNG_FORMAT_RGB;
    auto pixels = picture::from_shape({header.height, header.width, 3});
    if (png_image_finish_read(&header, nullptr, pixels.data(), 0, nullptr) == 0) {
        throw std::runtime_error(path + ": " + header.message);
    }
    return pixels;
}

/// Throws std::runtime_error where the file cannot be written.
inline void write_png(const std::string& path, const picture& pixels) {
    png_image header{};
    header.version = PNG_IMAGE_VERSION;
    header.height = static_cast<png_uint_32>(pixels.shape(0));
    header.width = static_cast<png_uint_32>(pixels.shape(1));
    header.format = PNG_FORMAT_RGB;
    if (png_image_write_to_file(&header, path.c_str(), 0, pixels.data(), 0, nullptr) == 0) {
        throw std::runtime_error(path + ": " + header.message);
    }
}
