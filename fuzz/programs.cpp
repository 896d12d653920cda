// Bytes become a program: tensors and views are made, sliced, written, swapped, resized, dropped, cloned lazily, saved
// by autograd, given other storage and handed to another thread. A model of plain vectors says what every view and
// every tensor must hold afterwards, and xtensor over copies of the operands what an expression gives.
//
// Each of these changes to the library was made once, and found within 300 programs: a write to a part that raises no
// version, swaps of views that write elements, an overlap that goes unnoticed, lazy clones of held memory that are
// allowed.
#include "statements.hpp"
#include "support.hpp"

#include <xtensor-torch/xtensor-torch.hpp>

#include <ATen/ops/_lazy_clone.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

using fuzz::for_each_position;
using fuzz::outcome;
using fuzz::require;

namespace {

using sequence = std::vector<std::int64_t>;
using tensor_view = xtt::tensor_view<float>;

// What a storage holds.
struct memory {
    std::vector<float> elements;
    bool grows = true;       // until a view looks at it, or where it is a container's
    bool is_cloned = false;  // lazily
    bool is_set = false;     // by set_, which gives tensors the memory of others and leaves each its own version
};

// Which of its elements a tensor or a view has.
struct part {
    std::shared_ptr<memory> of;
    sequence sizes;
    sequence strides;
    std::int64_t offset = 0;

    float& at(std::int64_t position) const { return of->elements[static_cast<std::size_t>(offset + position)]; }

    std::int64_t count() const {
        std::int64_t product = 1;
        for (const std::int64_t size : sizes) {
            product *= size;
        }
        return product;
    }

    bool overlaps_itself() const {
        std::set<std::int64_t> seen;
        bool twice = false;
        for_each_position(sizes, strides, [&](std::int64_t position) { twice |= !seen.insert(position).second; });
        return twice;
    }
};

struct tensor_slot {
    part model;
    at::Tensor tensor;
};

struct view_slot {
    part model;
    std::unique_ptr<tensor_view> view;
};

// A product that autograd will differentiate by its first factor.
struct saved_slot {
    at::Tensor weight;
    at::Tensor result;
    std::shared_ptr<memory> of;  // the elements of the other factor
    std::vector<float> values;   // and what they were when they were saved
};

// Runs one function at a time on its own thread, where views are used and die as well as on the first.
class other_thread {
public:
    void run(const std::function<void()>& function) {
        std::unique_lock lock(m_mutex);
        m_function = &function;
        m_changed.notify_all();
        m_changed.wait(lock, [&] { return m_function == nullptr; });
        if (m_thrown) {
            std::rethrow_exception(std::exchange(m_thrown, nullptr));
        }
    }

private:
    void work() {
        std::unique_lock lock(m_mutex);
        for (;;) {
            m_changed.wait(lock, [&] { return m_function != nullptr; });
            try {
                (*m_function)();
            } catch (...) {
                m_thrown = std::current_exception();
            }
            m_function = nullptr;
            m_changed.notify_all();
        }
    }

    std::mutex m_mutex;
    std::condition_variable m_changed;
    const std::function<void()>* m_function = nullptr;
    std::exception_ptr m_thrown;
    std::thread m_thread{[this] { work(); }};
};

class program {
public:
    explicit program(FuzzedDataProvider& data) : m_data(data) {}

    void run(other_thread& other) {
        for (int step = 0; step < 24 && m_data.remaining_bytes() > 0; ++step) {
            const int choice = m_data.ConsumeIntegralInRange(0, 255);
            if (choice >= 232) {
                other.run([&] { do_step(choice % 24); });
            } else {
                do_step(choice % 24);
            }
        }
        for (const tensor_slot& slot : m_tensors) {
            check(slot);
        }
        for (const view_slot& slot : m_views) {
            check(slot);
        }
        while (!m_saved.empty()) {
            differentiate();
        }
        // The order of destruction is the program's, too.
        while (!m_views.empty() || !m_tensors.empty()) {
            const bool view_first = m_tensors.empty() || (!m_views.empty() && m_data.ConsumeBool());
            view_first ? drop(m_views) : drop(m_tensors);
        }
    }

private:
    static constexpr std::size_t most_slots = 6;

    void do_step(int choice) {
        switch (choice) {
            case 0:
                return make_tensor();
            case 1:
                return adopt();
            case 2:
                return borrow();
            case 3:
                return slice();
            case 4:
            case 5:
                return make_view();
            case 6:
                return copy_view();
            case 7:
                return fill();
            case 8:
            case 9:
                return assign();
            case 10:
                return drop(m_tensors);
            case 11:
                return drop(m_views);
            case 12:
                return resize();
            case 13:
                return swap_storage();
            case 14:
                return back_to_tensor();
            case 15:
                return write_by_torch();
            case 16:
                return swap_views();
            case 17:
                return clone_lazily();
            case 18:
                return save_for_backward();
            case 19:
                return differentiate();
            default:
                return evaluate();
        }
    }

    template <class Slot>
    Slot* pick(std::vector<Slot>& slots) {
        return slots.empty() ? nullptr : &slots[m_data.ConsumeIntegralInRange<std::size_t>(0, slots.size() - 1)];
    }

    template <class Slot>
    void drop(std::vector<Slot>& slots) {
        if (!slots.empty()) {
            slots.erase(slots.begin() + m_data.ConsumeIntegralInRange<std::ptrdiff_t>(
                                            0, static_cast<std::ptrdiff_t>(slots.size()) - 1));
        }
    }

    template <class Slot>
    void keep(std::vector<Slot>& slots, Slot slot) {
        if (slots.size() == most_slots) {
            slots.erase(slots.begin());
        }
        slots.push_back(std::move(slot));
        check(slots.back());
    }

    sequence take_sizes() {
        sequence sizes(m_data.ConsumeIntegralInRange<std::size_t>(0, 3));
        for (std::int64_t& size : sizes) {
            size = m_data.ConsumeIntegralInRange<std::int64_t>(0, 3);
        }
        return sizes;
    }

    part take_part() {
        part whole{std::make_shared<memory>(), take_sizes(), {}};
        whole.strides.resize(whole.sizes.size());
        std::int64_t next = 1;
        for (std::size_t i = whole.sizes.size(); i-- > 0;) {
            whole.strides[i] = next;
            next *= std::max<std::int64_t>(1, whole.sizes[i]);
        }
        whole.of->elements.resize(static_cast<std::size_t>(whole.count()));
        for (float& element : whole.of->elements) {
            element = m_next_value++;
        }
        return whole;
    }

    xt::xarray<float> as_container(const part& whole) {
        auto container =
            xt::xarray<float>::from_shape(std::vector<std::size_t>(whole.sizes.begin(), whole.sizes.end()));
        std::copy(whole.of->elements.begin(), whole.of->elements.end(), container.data());
        return container;
    }

    void make_tensor() {
        part whole = take_part();
        at::Tensor tensor = at::empty(whole.sizes);
        std::copy(whole.of->elements.begin(), whole.of->elements.end(), static_cast<float*>(tensor.mutable_data_ptr()));
        keep(m_tensors, {std::move(whole), std::move(tensor)});
    }

    void adopt() {
        part whole = take_part();
        whole.of->grows = false;
        at::Tensor tensor = m_data.ConsumeBool()
                                ? xtt::adopt(as_container(whole))
                                : xtt::adopt(std::make_shared<xtt::shared_array<float>>(as_container(whole)));
        keep(m_tensors, {std::move(whole), std::move(tensor)});
    }

    void borrow() {
        part whole = take_part();
        whole.of->grows = false;
        m_containers.push_back(std::make_unique<xt::xarray<float>>(as_container(whole)));
        keep(m_tensors, {std::move(whole), xtt::borrow(*m_containers.back())});
    }

    void slice() {
        const tensor_slot* from = pick(m_tensors);
        if (from == nullptr || from->model.sizes.empty()) {
            return;
        }
        part model = from->model;
        at::Tensor tensor = from->tensor;
        const auto axis = m_data.ConsumeIntegralInRange<std::size_t>(0, model.sizes.size() - 1);
        const auto dim = static_cast<std::int64_t>(axis);
        switch (m_data.ConsumeIntegralInRange(0, 3)) {
            case 0: {
                const auto other = m_data.ConsumeIntegralInRange<std::size_t>(0, model.sizes.size() - 1);
                std::swap(model.sizes[axis], model.sizes[other]);
                std::swap(model.strides[axis], model.strides[other]);
                tensor = tensor.transpose(dim, static_cast<std::int64_t>(other));
                break;
            }
            case 1: {
                const std::int64_t size = model.sizes[axis];
                const auto start = m_data.ConsumeIntegralInRange<std::int64_t>(0, size);
                const auto step = m_data.ConsumeIntegralInRange<std::int64_t>(1, 3);
                model.offset += start * model.strides[axis];
                model.sizes[axis] = (size - start + step - 1) / step;
                model.strides[axis] *= step;
                tensor = tensor.slice(dim, start, size, step);
                break;
            }
            case 2:
                if (model.sizes[axis] == 0) {
                    return;
                } else {
                    const auto index = m_data.ConsumeIntegralInRange<std::int64_t>(0, model.sizes[axis] - 1);
                    model.offset += index * model.strides[axis];
                    model.sizes.erase(model.sizes.begin() + dim);
                    model.strides.erase(model.strides.begin() + dim);
                    tensor = tensor.select(dim, index);
                    break;
                }
            default:
                model.sizes.insert(model.sizes.begin(), 2);
                model.strides.insert(model.strides.begin(), 0);
                tensor = tensor.unsqueeze(0).expand(model.sizes);
                if (model.sizes.size() > 4) {
                    return;
                }
        }
        keep(m_tensors, {std::move(model), std::move(tensor)});
    }

    void make_view() {
        tensor_slot* from = pick(m_tensors);
        if (from == nullptr) {
            return;
        }
        fuzz::expect(from->model.overlaps_itself() ? outcome::value_error : outcome::result, [&] {
            auto view = std::make_unique<tensor_view>(xtt::view<float>(from->tensor));
            from->model.of->grows = false;
            keep(m_views, {from->model, std::move(view)});
        });
    }

    void copy_view() {
        if (const view_slot* from = pick(m_views)) {
            part model = from->model;
            auto view = std::make_unique<tensor_view>(*from->view);
            keep(m_views, {std::move(model), std::move(view)});
        }
    }

    void fill() {
        if (const view_slot* to = pick(m_views)) {
            const float value = m_next_value++;
            *to->view = value;
            for_each_position(to->model.sizes, to->model.strides,
                              [&](std::int64_t position) { to->model.at(position) = value; });
            check(*to);
        }
    }

    void assign() {
        const view_slot* to = pick(m_views);
        const view_slot* from = pick(m_views);
        if (to == nullptr) {
            return;
        }
        const part& target = to->model;
        const part& source = from->model;
        bool fits = source.sizes.size() <= target.sizes.size();
        sequence steps(target.sizes.size(), 0);
        for (std::size_t i = 0; fits && i < source.sizes.size(); ++i) {
            const std::size_t axis = target.sizes.size() - source.sizes.size() + i;
            fits = source.sizes[i] == target.sizes[axis] || source.sizes[i] == 1;
            steps[axis] = source.sizes[i] == 1 ? 0 : source.strides[i];
        }
        const int form = m_data.ConsumeIntegralInRange(0, 2);
        fuzz::expect(fits ? outcome::result : outcome::value_error, [&] {
            if (form == 0) {
                *to->view = *from->view;
            } else if (form == 1) {
                *to->view = 0.5f * *from->view + 1.0f;
            } else {
                *to->view -= *from->view;
            }
        });
        if (fits) {
            std::vector<float> values;
            for_each_position(target.sizes, steps,
                              [&](std::int64_t position) { values.push_back(source.at(position)); });
            auto value = values.begin();
            for_each_position(target.sizes, target.strides, [&](std::int64_t position) {
                float& element = target.at(position);
                element = form == 0 ? *value : form == 1 ? 0.5f * *value + 1.0f : element - *value;
                ++value;
            });
        }
        check(*to);
    }

    // A tensor on a storage that a view looks at cannot grow out of it.
    void resize() {
        tensor_slot* slot = pick(m_tensors);
        if (slot == nullptr) {
            return;
        }
        const sequence sizes = take_sizes();
        part model{slot->model.of, sizes, sequence(sizes.size()), slot->model.offset};
        std::int64_t next = 1;
        for (std::size_t i = sizes.size(); i-- > 0;) {
            model.strides[i] = next;
            next *= std::max<std::int64_t>(1, sizes[i]);
        }
        auto& elements = model.of->elements;
        const auto end = static_cast<std::size_t>(model.offset + model.count());
        const bool outgrows = model.count() > 0 && end > elements.size();
        const bool same = sizes == slot->model.sizes;
        // LibTorch itself fails where memory that has grown out of a lazy clone is written to.
        if (outgrows && model.of->is_cloned) {
            return;
        }
        bool refused = false;
        try {
            slot->tensor.resize_(sizes);
        } catch (const c10::Error&) {
            refused = true;
        }
        require(refused == (outgrows && !same && !model.of->grows), "a storage is resized only while nobody views it");
        if (refused) {
            // LibTorch refuses after it has set the sizes: the tensor reaches out of its storage, and is no good.
            fuzz::expect(outcome::value_error, [&] { xtt::view<float>(slot->tensor); });
            fuzz::expect(outcome::value_error, [&] { xtt::to_host<float>(slot->tensor); });
            m_tensors.erase(m_tensors.begin() + (slot - m_tensors.data()));
            return;
        }
        if (same) {
            check(*slot);
            return;
        }
        if (outgrows) {
            auto* data = static_cast<float*>(slot->tensor.storage().mutable_data());
            std::fill(data + elements.size(), data + end, 0.0f);
            elements.resize(end, 0.0f);
        }
        slot->model = std::move(model);
        check(*slot);
    }

    // The tensor leaves its storage; views of it stay.
    void swap_storage() {
        tensor_slot* to = pick(m_tensors);
        const tensor_slot* from = pick(m_tensors);
        if (to != nullptr) {
            to->tensor.set_(from->tensor);
            from->model.of->is_set = true;
            to->model = part(from->model);
            check(*to);
        }
    }

    void back_to_tensor() {
        if (const view_slot* from = pick(m_views)) {
            part model = from->model;
            at::Tensor tensor = xtt::borrow(*from->view);
            // Strides are LibTorch's where they mean nothing, and so is the offset where there are no elements.
            require(model.count() == 0 || tensor.storage_offset() == model.offset, "borrow keeps the offset");
            model.strides.assign(tensor.strides().begin(), tensor.strides().end());
            model.offset = tensor.storage_offset();
            keep(m_tensors, {std::move(model), std::move(tensor)});
        }
    }

    void write_by_torch() {
        tensor_slot* to = pick(m_tensors);
        if (to == nullptr || to->model.overlaps_itself()) {
            return;
        }
        const float value = m_next_value++;
        to->tensor.fill_(value);
        for_each_position(to->model.sizes, to->model.strides,
                          [&](std::int64_t position) { to->model.at(position) = value; });
    }

    void swap_views() {
        view_slot* const first = pick(m_views);
        view_slot* const second = pick(m_views);
        if (first != nullptr && first != second) {
            std::swap(*first->view, *second->view);
            std::swap(first->model, second->model);
            check(*first);
            check(*second);
        }
    }

    // Memory that nobody has an address of is copied when it is written to.
    void clone_lazily() {
        tensor_slot* const from = pick(m_tensors);
        if (from == nullptr) {
            return;
        }
        at::Tensor clone;
        try {
            clone = at::_lazy_clone(from->tensor);
        } catch (const c10::Error&) {
            require(!from->model.of->grows, "memory that is not held by a view or a container is cloned lazily");
            return;
        }
        require(from->model.of->grows, "held memory is not cloned lazily");
        from->model.of->is_cloned = true;
        part model = from->model;
        model.of = std::make_shared<memory>(*from->model.of);
        keep(m_tensors, {std::move(model), std::move(clone)});
    }

    // ---- autograd

    void save_for_backward() {
        const tensor_slot* const from = pick(m_tensors);
        if (from == nullptr) {
            return;
        }
        saved_slot slot;
        slot.of = from->model.of;
        slot.weight = at::ones(from->model.sizes).requires_grad_();
        // A tensor of its own, whose sizes no resize_ changes behind the back of autograd; versions are shared.
        slot.result = at::mul(slot.weight, from->tensor.detach()).sum();
        for_each_position(from->model.sizes, from->model.strides,
                          [&](std::int64_t position) { slot.values.push_back(from->model.at(position)); });
        m_saved.push_back(std::move(slot));
        if (m_saved.size() > most_slots) {
            m_saved.erase(m_saved.begin());
        }
    }

    // The gradient is that of the values that were saved, or there is none.
    void differentiate() {
        if (m_saved.empty()) {
            return;
        }
        const saved_slot slot = std::move(m_saved.back());
        m_saved.pop_back();
        try {
            slot.result.backward();
        } catch (const c10::Error&) {
            return;
        }
        if (slot.of->is_set) {
            return;
        }
        const at::Tensor gradient = slot.weight.grad().contiguous();
        const auto* const data = gradient.const_data_ptr<float>();
        for (std::size_t i = 0; i < slot.values.size(); ++i) {
            require(same(data[i], slot.values[i]), "a gradient is that of the values that were saved");
        }
    }

    // ---- expressions

    static bool same(float a, float b) {
        return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-4f * (std::abs(a) + std::abs(b));
    }

    static xt::xarray<float> copy_of(const part& model) {
        auto copy = xt::xarray<float>::from_shape(std::vector<std::size_t>(model.sizes.begin(), model.sizes.end()));
        auto* next = copy.data();
        for_each_position(model.sizes, model.strides, [&](std::int64_t position) { *next++ = model.at(position); });
        return copy;
    }

    void evaluate() {
        view_slot* const to = pick(m_views);
        view_slot* const a = pick(m_views);
        view_slot* b = pick(m_views);
        view_slot* const of_scalar = pick(m_views);
        if (to == nullptr || a->model.sizes.empty()) {
            return;
        }
        if (b->model.sizes.size() != a->model.sizes.size()) {
            b = a;
        }
        const int number = m_data.ConsumeIntegralInRange(0, fuzz::statement_count - 1);
        const int form = m_data.ConsumeIntegralInRange(0, 3);
        const bool is_empty = a->model.count() == 0 || b->model.count() == 0;
        if (is_empty) {
            return;
        }
        float owned_scalar = of_scalar->model.count() == 0 ? 2.0f : of_scalar->model.at(0);
        float other_scalar = owned_scalar;
        float& scalar = of_scalar->model.count() == 0 ? other_scalar : *of_scalar->view->begin();

        // What xtensor gives, over copies.
        xt::xarray<float> owned_a = copy_of(a->model);
        xt::xarray<float> owned_b = copy_of(b->model);
        xt::xarray<float> expected;
        bool fits = true;
        int owned_counter = 0;
        try {
            fuzz::with_statement(number, owned_a, owned_b, owned_scalar, fuzz::evaluated(), owned_counter,
                                 [&](auto&& expression) { expected = expression; });
        } catch (const xt::broadcast_error&) {
            fits = false;
        }
        // NaN has no order in xtensor, and large numbers no small digits.
        for (const float value : expected) {
            if (!(std::abs(value) < 1e4f)) {
                return;
            }
        }
        int counter = 0;
        const auto over_views = [&](const auto& use) {
            fuzz::with_statement(number, *a->view, *b->view, scalar, fuzz::lazy(), counter, use);
        };
        if (form == 0) {
            xt::xarray<float> result;
            bool evaluates = true;
            try {
                over_views([&](auto&& expression) { result = expression; });
            } catch (const xt::broadcast_error&) {
                evaluates = false;
            }
            require(evaluates == fits, "an expression over views is evaluated where one over containers is");
            if (fits) {
                require(result.shape() == expected.shape(), "a container gets the shape of an expression");
                require(std::equal(result.begin(), result.end(), expected.begin(), same),
                        "a container gets the values of an expression");
                require(counter == owned_counter, "a functor is called once for each element");
            }
            return;
        }
        // A view or rows of it, and the positions of their elements in the memory.
        part target = to->model;
        std::int64_t first_row = 0;
        std::int64_t rows = 0;
        if (form == 3) {
            if (target.sizes.empty() || target.sizes[0] == 0) {
                return;
            }
            first_row = m_data.ConsumeIntegralInRange<std::int64_t>(0, target.sizes[0] - 1);
            rows = m_data.ConsumeIntegralInRange<std::int64_t>(1, target.sizes[0] - first_row);
            target.offset += first_row * target.strides[0];
            target.sizes[0] = rows;
        }
        std::vector<std::size_t> shape(target.sizes.begin(), target.sizes.end());
        std::vector<float> values;
        if (fits) {
            fits = expected.dimension() <= shape.size();
            for (std::size_t i = 1; fits && i <= expected.dimension(); ++i) {
                const std::size_t size = expected.shape()[expected.dimension() - i];
                fits = size == 1 || size == shape[shape.size() - i];
            }
        }
        if (fits) {
            for (const float value : xt::xarray<float>(xt::broadcast(expected, shape))) {
                values.push_back(value);
            }
        }
        // Broadcast, it is called for every element that is written.
        if (owned_counter > 0 && values.size() != expected.size()) {
            return;
        }
        const outcome seen = fuzz::outcome_of([&] {
            over_views([&](auto&& expression) {
                if (form == 1) {
                    *to->view = expression;
                } else if (form == 2) {
                    *to->view -= expression;
                } else {
                    xt::view(*to->view, xt::range(first_row, first_row + rows)) = expression;
                }
            });
        });
        if ((seen == outcome::result) != fits) {
            std::fprintf(stderr, "statement %d, form %d, outcome %d\n", number, form, static_cast<int>(seen));
        }
        require((seen == outcome::result) == fits, "an expression is assigned where it broadcasts to the view");
        if (!fits) {
            check(*to);
            return;
        }
        auto value = values.begin();
        const auto* const memory_of_view = to->view->data();
        for_each_position(target.sizes, target.strides, [&](std::int64_t position) {
            float& element = target.at(position);
            const float wanted = form == 2 ? element - *value : *value;
            const float written = memory_of_view[target.offset - to->model.offset + position];
            if (!same(written, wanted)) {
                std::fprintf(stderr, "statement %d, form %d: %g, not %g\n", number, form, static_cast<double>(written),
                             static_cast<double>(wanted));
            }
            require(same(written, wanted), "a view gets the values of an expression");
            element = written;
            ++value;
        });
        check(*to);
    }

    // ---- the model against the real ones

    static bool same_bits(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

    static void check(const tensor_slot& slot) {
        require(slot.tensor.sizes() == at::IntArrayRef(slot.model.sizes), "a tensor has its sizes");
        const auto* data = static_cast<const float*>(slot.tensor.const_data_ptr());
        for_each_position(slot.model.sizes, slot.model.strides, [&](std::int64_t position) {
            require(same_bits(data[position], slot.model.at(position)), "a tensor has its elements");
        });
    }

    static void check(const view_slot& slot) {
        const auto& shape = slot.view->shape();
        require(std::equal(shape.begin(), shape.end(), slot.model.sizes.begin(), slot.model.sizes.end(),
                           [](auto a, auto b) { return static_cast<std::int64_t>(a) == b; }),
                "a view keeps its shape");
        std::size_t i = 0;
        for_each_position(slot.model.sizes, slot.model.strides, [&](std::int64_t position) {
            require(same_bits(slot.view->flat(i++), slot.model.at(position)), "a view has its elements");
        });
    }

    FuzzedDataProvider& m_data;
    float m_next_value = 1.0f;
    std::vector<std::unique_ptr<xt::xarray<float>>> m_containers;  // they outlive what borrows from them
    std::vector<tensor_slot> m_tensors;
    std::vector<view_slot> m_views;
    std::vector<saved_slot> m_saved;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    static auto* const other = new other_thread;
    FuzzedDataProvider data(bytes, size);
    program(data).run(*other);
    return 0;
}
