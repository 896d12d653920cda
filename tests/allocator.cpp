#include "support/testing.hpp"

#include <xtensor-torch/adopt.hpp>
#include <xtensor-torch/allocator.hpp>

#include <c10/core/CPUAllocator.h>

#include <list>

using namespace testing;

namespace {

// LibTorch's own allocator, counted. It takes its place before the first allocation of a container.
class counted_allocator final : public c10::Allocator {
public:
    inline static int live = 0;
    inline static int made = 0;

    counted_allocator() { c10::SetCPUAllocator(this); }

    c10::DataPtr allocate(std::size_t bytes) override {
        c10::DataPtr memory = c10::GetDefaultCPUAllocator()->allocate(bytes);
        void* data = memory.get();
        static_cast<void>(memory.release_context());
        ++live;
        ++made;
        return {data, data, &free, c10::kCPU};
    }
    c10::DeleterFnPtr raw_deleter() const override { return &free; }
    void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }

private:
    static void free(void* data) {
        --live;
        c10::GetDefaultCPUAllocator()->raw_deallocate(data);
    }
};

counted_allocator counted;

template <class T>
using array = xt::xarray<T, xt::layout_type::row_major, xtt::allocator<T>>;
template <class T, std::size_t N>
using fixed_rank = xt::xtensor<T, N, xt::layout_type::row_major, xtt::allocator<T>>;

bool is_aligned(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % c10::gAlignment == 0; }

static_assert(std::allocator_traits<xtt::allocator<float>>::is_always_equal::value);
static_assert(std::is_same_v<std::allocator_traits<xtt::allocator<float>>::rebind_alloc<int>, xtt::allocator<int>>);
static_assert(std::is_empty_v<xtt::allocator<float>>);
static_assert(xtt::adoptable<array<float>> && xtt::borrowable<fixed_rank<float, 2>&>);

TEST_CASE("containers of any size and element start where LibTorch's tensors start") {
    for (const std::size_t size : {1u, 3u, 17u, 1000u}) {
        CHECK(is_aligned(fixed_rank<bool, 1>::from_shape({size}).data()));
        CHECK(is_aligned(fixed_rank<float, 1>::from_shape({size}).data()));
        CHECK(is_aligned(fixed_rank<c10::Half, 1>::from_shape({size}).data()));
        CHECK(is_aligned(array<std::complex<double>>::from_shape({size, 2}).data()));
    }
}

TEST_CASE("what is allocated is freed, once, through every way a container can go") {
    const int before = counted_allocator::live;
    const int made = counted_allocator::made;
    {
        fixed_rank<float, 2> first = {{1, 2}, {3, 4}};
        fixed_rank<float, 2> second = first;
        fixed_rank<float, 2> third = std::move(first);
        second = third;
        second = fixed_rank<float, 2>({{5, 6, 7}});
        third = 2 * second;
        third.resize({7, 3});
        array<double> grown = xt::ones<double>({3, 1});
        grown = xt::concatenate(xt::xtuple(grown, grown));
        std::swap(second, third);
        std::vector<int, xtt::allocator<int>> numbers(100, 1);
        numbers.resize(1000);
        std::list<int, xtt::allocator<int>> nodes = {1, 2, 3};
        CHECK(counted_allocator::live > before);
    }
    CHECK(counted_allocator::made > made + 8);
    CHECK(counted_allocator::live == before);
}

TEST_CASE("adopting a container hands over LibTorch's own memory") {
    const at::Tensor expected = counting({2, 3}) + 1;
    const int before = counted_allocator::live;
    {
        at::Tensor tensor;
        {
            fixed_rank<float, 2> container = {{1, 2, 3}, {4, 5, 6}};
            const int made = counted_allocator::made;
            const float* data = container.data();
            tensor = xtt::adopt(std::move(container));
            CHECK(tensor.const_data_ptr() == data);
            CHECK(counted_allocator::made == made);
        }
        CHECK(counted_allocator::live == before + 1);
        CHECK(is_aligned(tensor.const_data_ptr()));
        CHECK(at::equal(tensor, expected));
    }
    CHECK(counted_allocator::live == before);
}

TEST_CASE("expressions of allocated containers have the values of plain ones") {
    const xt::xtensor<float, 1> plain = xt::arange<float>(1003);
    const fixed_rank<float, 1> ours = plain;
    const fixed_rank<float, 1> result = xt::sqrt(ours) * 2.0f + ours;
    const xt::xtensor<float, 1> expected = xt::sqrt(plain) * 2.0f + plain;
    CHECK((result == expected));
    CHECK(xt::sum(ours)() == xt::sum(plain)());
    CHECK((xt::view(ours, xt::range(1, 1000)) == xt::view(plain, xt::range(1, 1000))));
}

TEST_CASE("empty and 0-d containers") {
    const at::Tensor empty = xtt::adopt(array<float>::from_shape({0, 3}));
    CHECK(empty.sizes() == at::IntArrayRef({0, 3}));
    CHECK(xtt::adopt(array<float>(3.0f)).item<float>() == 3.0f);
}

TEST_CASE("a size that no memory can have is refused") {
    xtt::allocator<double> allocator;
    CHECK_THROWS_AS(allocator.allocate(std::numeric_limits<std::size_t>::max() / 4), std::bad_array_new_length);
}

}  // namespace
