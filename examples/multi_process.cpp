// Training on two processes. Each trains its own copy of the model on its own rows; the gradients meet in memory that
// both processes map, which is an xtensor container here and tensors there. LibTorch's collectives (c10d) do the same
// over a network; their Gloo and NCCL headers are not part of every LibTorch, and two processes on one machine need
// none.
#include <torch/torch.h>
#include <xtensor-torch/xtensor-torch.hpp>
#include <xtensor-torch/xtensor.hpp>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t processes = 2;
constexpr std::size_t parameters = 4 * 16 + 16 + 16 + 1;  // of the model below
constexpr std::int64_t rows = 256, features = 4;
constexpr int steps = 100;

// Where every process waits for the others. std::barrier is for threads, and macOS has no pthread_barrier.
class process_barrier {
public:
    void arrive_and_wait() {
        const std::uint32_t round = round_;
        if (++arrived_ == processes) {
            arrived_ = 0;
            ++round_;
        }
        while (round_ == round) {
            std::this_thread::yield();
        }
    }

private:
    static_assert(std::atomic<std::uint32_t>::is_always_lock_free, "a lock would not be shared between processes");
    std::atomic<std::uint32_t> arrived_ = 0;
    std::atomic<std::uint32_t> round_ = 0;
};

// What both processes map. Every process writes its own row, and reads all rows between two barriers.
struct shared_memory {
    process_barrier barrier;
    std::array<float, processes * parameters> rows;
};

shared_memory& map_shared_memory() {
    void* address = mmap(nullptr, sizeof(shared_memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) {
        throw std::runtime_error("no shared memory could be mapped.");
    }
    return *new (address) shared_memory();
}

auto rows_of(shared_memory& memory) {
    return xt::adapt(memory.rows.data(), memory.rows.size(), xt::no_ownership(),
                     std::array<std::size_t, 2>{processes, parameters});
}

struct trained {
    torch::nn::Sequential model;
    double first_loss = 0, last_loss = 0;
};

// `average` replaces the gradients by their mean over the processes.
template <class Average>
trained train(const torch::Tensor& inputs, const torch::Tensor& targets, Average&& average) {
    torch::manual_seed(1);  // every process starts from the same weights
    trained result{torch::nn::Sequential(torch::nn::Linear(features, 16), torch::nn::Tanh(), torch::nn::Linear(16, 1))};
    torch::optim::SGD optimizer(result.model->parameters(), torch::optim::SGDOptions(0.1));
    for (int step = 0; step < steps; ++step) {
        optimizer.zero_grad();
        const torch::Tensor loss = torch::mse_loss(result.model->forward(inputs), targets);
        loss.backward();
        average(result.model->parameters());
        optimizer.step();
        (step == 0 ? result.first_loss : result.last_loss) = loss.item<double>();
    }
    return result;
}

// The parameters or their gradients, one behind the other.
torch::Tensor flattened(const std::vector<torch::Tensor>& tensors) {
    std::vector<torch::Tensor> flat;
    for (const torch::Tensor& tensor : tensors) {
        flat.push_back(tensor.detach().flatten());
    }
    return torch::cat(flat);
}

void average_gradients(shared_memory& memory, std::size_t rank, const std::vector<torch::Tensor>& all) {
    auto shared = rows_of(memory);
    std::vector<torch::Tensor> gradients;
    for (const torch::Tensor& parameter : all) {
        gradients.push_back(parameter.grad());
    }
    xt::view(shared, rank) = xtt::view<const float, 1>(flattened(gradients));
    memory.barrier.arrive_and_wait();  // all rows are written

    std::size_t first = 0;
    for (const torch::Tensor& gradient : gradients) {
        const auto last = first + static_cast<std::size_t>(gradient.numel());
        xtt::view<float, 1>(gradient.view(-1)) = xt::mean(xt::view(shared, xt::all(), xt::range(first, last)), {0});
        first = last;
    }
    memory.barrier.arrive_and_wait();  // all rows are read
}

torch::Tensor make_inputs() {
    const xt::xtensor<float, 2> angle = xt::arange<float>(rows * features).reshape({rows, features});
    return xtt::copy(xt::sin(angle));
}

torch::Tensor make_targets(const torch::Tensor& inputs) {
    const auto x = xtt::view<const float, 2>(inputs);
    return xtt::copy(xt::eval(xt::sum(xt::square(x), {1}, xt::keep_dims)));
}

void work(shared_memory& memory, std::size_t rank) {
    torch::set_num_threads(1);
    const torch::Tensor inputs = make_inputs();
    const torch::Tensor targets = make_targets(inputs);
    const auto mine = torch::indexing::Slice(static_cast<std::int64_t>(rank), torch::indexing::None,
                                             static_cast<std::int64_t>(processes));
    const trained result = train(inputs.index({mine}), targets.index({mine}),
                                 [&](const auto& all) { average_gradients(memory, rank, all); });
    auto shared = rows_of(memory);
    xt::view(shared, rank) = xtt::view<const float, 1>(flattened(result.model->parameters()));
}

pid_t start(shared_memory& memory, std::size_t rank) {
    const pid_t child = fork();
    if (child != 0) {
        return child;
    }
    alarm(300);  // a process whose partner is gone does not wait for ever
    try {
        work(memory, rank);
        _exit(EXIT_SUCCESS);
    } catch (const std::exception& error) {
        std::cerr << "process " << rank << ": " << error.what() << "\n";
        _exit(EXIT_FAILURE);
    }
}

void stop(const std::array<pid_t, processes>& children) {
    for (const pid_t child : children) {
        if (child > 0) {
            kill(child, SIGKILL);
        }
    }
}

// Where one fails, the other one would wait for it.
bool all_succeed(std::array<pid_t, processes> children) {
    bool good = true;
    for (std::size_t ended = 0; ended < processes; ++ended) {
        int status = 0;
        const pid_t child = wait(&status);
        std::replace(children.begin(), children.end(), child, pid_t{0});
        if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
            good = false;
            stop(children);
        }
    }
    return good;
}

}  // namespace

int main() {
    // LibTorch's threads do not survive a fork: the processes start before it has any.
    shared_memory& memory = map_shared_memory();
    std::array<pid_t, processes> children{};
    for (std::size_t rank = 0; rank < processes; ++rank) {
        children[rank] = start(memory, rank);
        if (children[rank] < 0) {
            stop(children);
            std::cerr << "no process could be started\n";
            return EXIT_FAILURE;
        }
    }
    if (!all_succeed(children)) {
        std::cerr << "a process failed\n";
        return EXIT_FAILURE;
    }
    auto weights = rows_of(memory);
    const torch::Tensor ours = xtt::borrow(weights);
    std::cout << std::boolalpha << "two processes, each with half of " << rows << " rows\n"
              << "both have the same weights: " << torch::equal(ours[0], ours[1]) << "\n";

    const torch::Tensor inputs = make_inputs();
    const trained alone = train(inputs, make_targets(inputs), [](const auto&) {});
    std::cout << "they are the weights of one process with all rows: "
              << torch::allclose(ours[0], flattened(alone.model->parameters()), 1e-3, 1e-4) << "\n"
              << "the loss fell to less than a tenth: " << (alone.last_loss < 0.1 * alone.first_loss) << "\n";
}
