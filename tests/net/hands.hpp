#pragma once
// Workers that do what the test says itself, where else the core would.

#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../../src/net/worker.hpp"
#include "host.hpp"

namespace muster::net {

/// Workers into whose outboxes the test puts what it likes.
class Hands : public Ground {
public:
    explicit Hands(const WorkerOptions& options)
        : Ground(options.listeners, options.workers), common_(options, make_hooks()) {
        is_live_ = [this](const base::Flow& flow) { return common_.flows.is_live(flow); };
        for (std::uint32_t i = 0; i < options.workers; ++i)
            common_.workers.push_back(std::make_unique<Worker>(i, common_, make_core(i)));
        auto& listeners = common_.options.listeners;
        for (std::uint16_t i = 0; i < listeners.size(); ++i) {
            auto fd = open_listener(listeners[i], true);  // one worker of them listens
            listeners[i].address = local_address(fd.get());
            common_.workers[0]->add_socket(i, std::move(fd));
        }
        for (auto& worker : common_.workers) {
            worker->start();
            threads_.emplace_back([&worker] { worker->run(); });
        }
    }
    ~Hands() {
        for (auto& worker : common_.workers) worker->stop();
        for (auto& thread : threads_) thread.join();
        for (auto& worker : common_.workers) worker->close();
    }

    /// A turn of a worker in which `fill` plays the core; returns when its effects are carried out.
    template <class Fill>
    void turn(std::size_t worker, Fill fill) {
        std::promise<void> done;
        auto& one = *common_.workers[worker];
        one.post([&] {
            one.begin_turn();
            fill(one.outbox());
            one.carry_out();
            done.set_value();
        });
        done.get_future().wait();
    }
    void send(const base::Flow& flow, std::string_view bytes, std::size_t worker = 0) {
        turn(worker, [&](core::Outbox& out) { out.sends.add(flow, bytes); });
    }
    NetCounters counters(std::size_t worker = 0) {
        NetCounters counters;
        turn(worker, [&](core::Outbox&) { counters = common_.workers[worker]->counters(); });
        return counters;
    }
    base::Address at(std::size_t i = 0) const { return common_.options.listeners[i].address; }
    Common& common() { return common_; }
    /// The lines on connections that were closed, "rule: why".
    std::vector<std::string> closed() {
        std::lock_guard lock(mutex_);
        return closed_;
    }

private:
    Hooks make_hooks() {
        Hooks hooks;
        hooks.push = [](std::vector<core::JobPtr>&) {};
        hooks.log = [this](const core::Event& event) {
            std::lock_guard lock(mutex_);
            if (event.kind == core::Event::Kind::closed)
                closed_.push_back(std::string(event.rule) + ": " + event.subject);
        };
        return hooks;
    }

    std::mutex mutex_;
    std::vector<std::string> closed_;
    Common common_;
    std::vector<std::thread> threads_;
};

}  // namespace muster::net
