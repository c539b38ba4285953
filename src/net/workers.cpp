#include <pthread.h>

#include <algorithm>
#include <functional>
#include <future>
#include <iterator>
#include <span>
#include <thread>

#include "worker.hpp"

namespace muster::net {
namespace {

constexpr std::chrono::seconds answer_time{1};
constexpr std::chrono::milliseconds drain_poll{2};

void keep_newest(std::vector<core::Explained>& all, std::size_t most) {
    std::ranges::stable_sort(all, std::greater<>(), [](const core::Explained& one) { return one.at.mono; });
    if (all.size() > most) all.resize(most);
}

/// Each listener is taken for this process alone before the other workers join it.
void bind_all(Common& common) {
    auto& listeners = common.options.listeners;
    for (std::size_t i = 0; i < listeners.size(); ++i) {
        bool first = true;
        for (auto& worker : common.workers) {
            auto fd = open_listener(listeners[i], first);
            if (first) listeners[i].address = local_address(fd.get());
            worker->add_socket(static_cast<std::uint16_t>(i), std::move(fd));
            first = false;
        }
    }
}

}  // namespace

struct Workers::Impl {
    Impl(const WorkerOptions& options, Hooks hooks) : common(options, std::move(hooks)) {}

    /// What `read` says of some workers, asked on its own thread while that runs.
    template <class Read>
    auto ask(std::span<const std::unique_ptr<Worker>> workers, Read read)
        -> std::vector<decltype(read(std::declval<Worker&>()))> {
        using Answer = decltype(read(std::declval<Worker&>()));
        std::vector<Answer> answers;
        std::vector<std::future<Answer>> asked;
        std::lock_guard lock(mutex);
        for (const auto& worker : workers) {
            if (threads.empty()) {
                answers.push_back(read(*worker));
                continue;
            }
            auto question = std::make_shared<std::packaged_task<Answer()>>([read, &worker] { return read(*worker); });
            asked.push_back(question->get_future());
            worker->post([question] { (*question)(); });
        }
        for (auto& answer : asked)
            if (answer.wait_for(answer_time) == std::future_status::ready) answers.push_back(answer.get());
        return answers;
    }

    template <class Read>
    auto ask(Read read) {
        return ask(std::span<const std::unique_ptr<Worker>>(common.workers), std::move(read));
    }

    bool is_quiet() {
        auto answers = ask([](const Worker& worker) { return worker.is_quiet(); });
        return answers == std::vector<bool>(common.workers.size(), true);
    }

    void stop() {
        std::lock_guard lock(mutex);
        for (auto& worker : common.workers) worker->stop();
        for (auto& thread : threads) thread.join();
        threads.clear();
        for (auto& worker : common.workers) worker->close();
    }

    Common common;
    std::mutex mutex;  // held while workers are asked, and while they end
    std::vector<std::thread> threads;
};

Workers::Workers(const WorkerOptions& options, const MakeCore& make_core, Hooks hooks)
    : impl_(std::make_unique<Impl>(options, std::move(hooks))) {
    auto& common = impl_->common;
    for (std::uint32_t i = 0; i < options.workers; ++i)
        common.workers.push_back(std::make_unique<Worker>(i, common, make_core(i)));
    bind_all(common);
}

Workers::~Workers() { impl_->stop(); }

void Workers::start() {
    std::lock_guard lock(impl_->mutex);
    for (auto& worker : impl_->common.workers) {
        worker->start();
        impl_->threads.emplace_back([&worker] { worker->run(); });
        const auto name = "worker " + std::to_string(impl_->threads.size() - 1);
        ::pthread_setname_np(impl_->threads.back().native_handle(), name.c_str());
    }
}

void Workers::give_back(std::uint32_t index, std::vector<core::JobPtr> jobs) {
    impl_->common.workers[index]->give_back(std::move(jobs));
}

void Workers::set_settings(core::SettingsPtr settings) {
    for (auto& worker : impl_->common.workers)
        worker->post([&worker, settings] { worker->core().set_settings(settings); });
}

void Workers::set_bans(core::BansPtr bans, std::function<void()> done) {
    const std::shared_ptr<void> last(nullptr, [done = std::move(done)](void*) {
        if (done) done();
    });
    for (auto& worker : impl_->common.workers) worker->post([&worker, bans, last] { worker->set_bans(bans); });
}

void Workers::set_tls(std::size_t listener, TlsServerPtr server) { impl_->common.set_tls(listener, std::move(server)); }

void Workers::set_tls_client(TlsClientPtr client) { impl_->common.set_tls_client(std::move(client)); }

void Workers::announce(std::vector<std::string> aors) {
    const auto changed = std::make_shared<const std::vector<std::string>>(std::move(aors));
    for (auto& worker : impl_->common.workers) worker->post([&worker, changed] { worker->announce(*changed); });
}

void Workers::drain(base::Milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    {
        std::lock_guard lock(impl_->mutex);
        if (impl_->threads.empty()) return;
    }
    for (auto& worker : impl_->common.workers) worker->post([&worker] { worker->begin_drain(); });
    // Twice in a row: what one worker had for another when it was asked has arrived by then.
    for (int quiet = 0; quiet < 2 && std::chrono::steady_clock::now() < deadline;) {
        quiet = impl_->is_quiet() ? quiet + 1 : 0;
        if (quiet == 0) std::this_thread::sleep_for(drain_poll);
    }
    impl_->stop();
}

bool Workers::is_live(const base::Flow& flow) const { return impl_->common.flows.is_live(flow); }

core::Counters Workers::core_counters() const {
    core::Counters sum;
    for (const auto& one : impl_->ask([](const Worker& worker) { return worker.core().counters(); })) {
        for (auto counter : core::Counters::all) sum.*counter += one.*counter;
    }
    return sum;
}

NetCounters Workers::net_counters() const {
    NetCounters sum;
    for (const auto& one : impl_->ask([](const Worker& worker) { return worker.counters(); })) {
        for (auto counter : NetCounters::all) sum.*counter += one.*counter;
    }
    return sum;
}

Measurements& Measurements::operator+=(const Measurements& other) {
    for (auto counter : core::Counters::all) core.*counter += other.core.*counter;
    for (auto counter : NetCounters::all) net.*counter += other.net.*counter;
    answers += other.answers;
    registrations += other.registrations;
    registers += other.registers;
    lookups += other.lookups;
    sockets.insert(sockets.end(), other.sockets.begin(), other.sockets.end());
    return *this;
}

Measurements Workers::measure() const {
    Measurements sum;
    for (const auto& one : impl_->ask([](const Worker& worker) { return worker.measure(); })) sum += one;
    return sum;
}

void Workers::set_tap(std::shared_ptr<Tap> tap) {
    for (auto& worker : impl_->common.workers) worker->post([&worker, tap] { worker->set_tap(tap); });
}

void Workers::poke() {
    for (auto& worker : impl_->common.workers) worker->poke();
}

std::uint64_t Workers::beats(std::size_t index) const { return impl_->common.workers[index]->beats(); }

std::vector<core::Explained> Workers::explained(std::size_t most,
                                                std::function<bool(const core::Explained&)> wanted) const {
    auto newest = [most, wanted = std::move(wanted)](const Worker& worker) {
        std::vector<const core::Explained*> found;  // the worker waits: none is copied that is not asked for
        worker.core().explanations().each([&](const core::Explained& one) {
            if (wanted(one)) found.push_back(&one);
            return true;
        });
        const auto count = static_cast<std::ptrdiff_t>(std::min(most, found.size()));
        std::ranges::partial_sort(found, found.begin() + count, std::greater<>(),
                                  [](const core::Explained* one) { return one->at.mono; });
        std::vector<core::Explained> all;
        for (auto at = found.begin(); at != found.begin() + count; ++at) all.push_back(**at);
        return all;
    };
    std::vector<core::Explained> merged;
    for (auto& of_worker : impl_->ask(newest)) std::ranges::move(of_worker, std::back_inserter(merged));
    keep_newest(merged, most);
    return merged;
}

FlowPage Workers::flows(FlowPlace from, std::size_t most, base::Milliseconds idle) const {
    const auto& workers = impl_->common.workers;
    FlowPage all;
    for (; from.worker < workers.size(); from = {from.worker + 1, 0}) {
        const auto left = most - all.flows.size();
        auto pages = impl_->ask({&workers[from.worker], 1}, [slot = from.slot, left, idle](const Worker& worker) {
            return worker.flows(slot, left, idle);
        });
        if (pages.empty()) {
            all.silent.push_back(from.worker);
            continue;
        }
        std::ranges::move(pages.front().flows, std::back_inserter(all.flows));
        all.next = pages.front().next;
        if (all.next) return all;
    }
    return all;
}

std::optional<bool> Workers::close_flow(std::uint32_t worker, std::uint32_t slot, std::uint32_t generation) {
    const auto& workers = impl_->common.workers;
    if (worker >= workers.size()) return false;
    const auto found = impl_->ask({&workers[worker], 1}, [=](Worker& of) { return of.close_flow(slot, generation); });
    return found.empty() ? std::nullopt : std::optional<bool>(found.front());
}

std::size_t Workers::size() const { return impl_->common.workers.size(); }

const std::vector<Listener>& Workers::listeners() const { return impl_->common.options.listeners; }

}  // namespace muster::net
