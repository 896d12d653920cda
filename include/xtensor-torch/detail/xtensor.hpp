// xtensor 0.26 moved its headers into subfolders. This file alone knows where they are.
//
// CMake looks at the include directory of the xtensor it links and states the layout through
// XTENSOR_TORCH_XTENSOR_SUBFOLDERS. Asking the preprocessor is only the fallback: with two xtensors on the
// include path, a header name that exists in just one of them says nothing about which one comes first.
#pragma once

#if !defined(XTENSOR_TORCH_XTENSOR_SUBFOLDERS)
#if __has_include(<xtensor/containers/xarray.hpp>)
#define XTENSOR_TORCH_XTENSOR_SUBFOLDERS 1
#else
#define XTENSOR_TORCH_XTENSOR_SUBFOLDERS 0
#endif
#endif

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xbuffer_adaptor.hpp>
#include <xtensor/containers/xcontainer.hpp>
#include <xtensor/containers/xscalar.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/core/xassign.hpp>
#include <xtensor/core/xnoalias.hpp>
#include <xtensor/core/xoperation.hpp>
#include <xtensor/core/xsemantic.hpp>
#include <xtensor/core/xtensor_config.hpp>
#else
#include <xtensor/xtensor_config.hpp>
#if XTENSOR_VERSION_MAJOR == 0 && XTENSOR_VERSION_MINOR < 25
#include <xtensor-torch/detail/xtensor_0_24.hpp>
#endif
#include <xtensor/xarray.hpp>
#include <xtensor/xassign.hpp>
#include <xtensor/xbuffer_adaptor.hpp>
#include <xtensor/xcontainer.hpp>
#include <xtensor/xnoalias.hpp>
#include <xtensor/xoperation.hpp>
#include <xtensor/xscalar.hpp>
#include <xtensor/xsemantic.hpp>
#include <xtensor/xtensor.hpp>
#endif
