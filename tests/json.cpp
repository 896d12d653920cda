// xtensor writes and reads JSON through nlohmann's library: a view must be written as an owned copy is, and what is
// read comes into a tensor by assignment, or by adoption.
#include "support/testing.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/io/xjson.hpp>
#else
#include <xtensor/xjson.hpp>
#endif

#include <vector>

using namespace testing;

namespace {

TEMPLATE_TEST_CASE("a view is written to JSON as an owned copy is", "", bool, std::int8_t, std::int16_t, std::int32_t,
                   std::int64_t, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, float, double) {
    using T = TestType;
    const at::Tensor tensor = counting({3, 4, 2}, at::kInt).to(xtt::scalar_type_v<T>);
    const std::vector<at::Tensor> tensors = {tensor,
                                             tensor.permute({2, 0, 1}),
                                             tensor.slice(0, 0, 3, 2).slice(1, 1, 4, 2),
                                             tensor.slice(2, 1, 2),
                                             tensor.select(1, 2).expand({2, 3, 2}),
                                             tensor[2][1][0],
                                             tensor.slice(0, 0, 0)};
    for (const auto& seen : tensors) {
        const auto view = xtt::view<const T>(seen);
        const nlohmann::json written = view;
        CHECK(written == nlohmann::json(xtt::to_host<T>(seen)));
        if (view.size() != 0) {
            CHECK(at::equal(xtt::adopt(written.template get<xt::xarray<T>>()), seen));
        }
    }
    CHECK(nlohmann::json(xtt::view<const T, 1>(tensor[0].select(1, 0))).dump() ==
          (std::is_same_v<T, bool>       ? "[false,true,true,true]"
           : std::is_floating_point_v<T> ? "[0.0,2.0,4.0,6.0]"
                                         : "[0,2,4,6]"));
}

TEST_CASE("JSON is read into the tensor by assignment, and another shape is refused") {
    at::Tensor tensor = at::zeros({2, 6});
    at::Tensor stepped = tensor.slice(1, 0, 6, 3);
    auto view = xtt::view<float>(stepped);
    view = nlohmann::json::parse("[[1, 2], [3, 4]]").get<xt::xarray<float>>();
    CHECK(at::equal(stepped, counting({2, 2}) + 1));
    CHECK(tensor.sum().item<float>() == 10.0f);
    CHECK_THROWS_AS((view = nlohmann::json::parse("[[1, 2, 3], [4, 5, 6]]").get<xt::xarray<float>>()), c10::ValueError);
    CHECK(at::equal(stepped, counting({2, 2}) + 1));
}

TEST_CASE("xtensor reads JSON straight into a view whose rank is in the type") {
    at::Tensor tensor = at::zeros({3, 4});
    at::Tensor stepped = tensor.t().slice(0, 0, 4, 2);
    auto view = xtt::view<float, 2>(stepped);
    xt::from_json(nlohmann::json::parse("[[1, 2, 3], [4, 5, 6]]"), view);
    CHECK(at::equal(stepped, counting({2, 3}) + 1));
    CHECK(tensor.sum().item<float>() == 21.0f);
    CHECK_THROWS_WITH(xt::from_json(nlohmann::json::parse("[[1, 2], [3, 4]]"), view),
                      "Shape mismatch when deserializing JSON to view");
    CHECK(at::equal(stepped, counting({2, 3}) + 1));
}

}  // namespace
