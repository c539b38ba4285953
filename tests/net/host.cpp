#include "host.hpp"

namespace muster::net {
namespace {

core::SettingsPtr make_settings() {
    auto settings = std::make_shared<core::Settings>();
    settings->served.add("example.com", "example.com");
    auto& domain = settings->domains["example.com"];
    domain.policy.domain = "example.com";
    domain.policy.trusted = {*base::Network::parse(trusted_source)};
    domain.digest.realm = "example.com";
    return settings;
}

}  // namespace

void Host::Chance::fill(std::span<std::uint8_t> out) {
    for (auto& byte : out) {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        byte = static_cast<std::uint8_t>(state_ >> 56);
    }
}

Host::Host(const Wish& wish) : settings_(make_settings()) {
    accounts_.publish(auth::make_account("sip:alice@example.com", "alice", "example.com", "secret"), 1);
    WorkerOptions options;
    options.workers = wish.workers;
    options.streams = wish.streams;
    options.boot = 77;
    for (const auto& text : wish.udp)
        options.listeners.push_back({base::Transport::udp, *base::Address::parse(text), ""});
    for (const auto& text : wish.tcp)
        options.listeners.push_back({base::Transport::tcp, *base::Address::parse(text), ""});

    auto make_core = [this](std::uint32_t index) {
        chances_.push_back(std::make_unique<Chance>(100 + index));
        auto core = std::make_unique<core::Core>(index, core::Shared{table_, accounts_, keys_, used_}, *chances_.back(),
                                                 settings_, transaction::LayerOptions{});
        cores_.push_back(core.get());
        return core;
    };
    Hooks hooks;
    hooks.push = [this, limit = wish.queue](std::vector<core::JobPtr>& jobs) { push(jobs, limit); };
    hooks.log = [this](const core::Event&) {
        std::lock_guard lock(mutex_);
        ++events_;
    };
    workers_ = std::make_unique<Workers>(options, make_core, std::move(hooks));
    if (wish.start) workers_->start();
}

void Host::push(std::vector<core::JobPtr>& jobs, std::size_t limit) {
    std::lock_guard lock(mutex_);
    while (!jobs.empty() && jobs_.size() < limit) {
        jobs_.push_back(std::move(jobs.front()));
        jobs.erase(jobs.begin());
    }
    pushed_.notify_all();
}

std::vector<core::JobPtr> Host::take_jobs(std::size_t count, base::Milliseconds patience) {
    std::unique_lock lock(mutex_);
    pushed_.wait_for(lock, patience, [&] { return jobs_.size() >= count; });
    return std::exchange(jobs_, {});
}

void Host::refuse(std::vector<core::JobPtr> jobs) {
    for (auto& job : jobs) {
        job->reject = base::Reject{503, "Service Unavailable", "test"};
        const auto home = job->home;
        std::vector<core::JobPtr> one;
        one.push_back(std::move(job));
        workers_->give_back(home, std::move(one));
    }
}

std::size_t Host::events() {
    std::lock_guard lock(mutex_);
    return events_;
}

std::string request(const std::string& method, int number, const std::string& transport, const std::string& more) {
    const auto n = std::to_string(number);
    return method + " sip:example.com SIP/2.0\r\nVia: SIP/2.0/" + transport + " 127.0.0.1:5999;rport;branch=z9hG4bK" +
           n + "\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=f" + n +
           "\r\nTo: <sip:alice@example.com>\r\nCall-ID: call-" + n + "\r\nCSeq: 1 " + method + "\r\n" + more +
           (method == "REGISTER" ? "Contact: <sip:alice@127.0.0.1:5999>\r\n" : "") + "Content-Length: 0\r\n\r\n";
}

}  // namespace muster::net
