#include "host.hpp"

#include "client.hpp"

namespace muster::net {
namespace {

core::SettingsPtr make_settings(const std::vector<Listener>& listeners) {
    auto settings = std::make_shared<core::Settings>();
    settings->served.add("example.com", "example.com");
    auto& domain = settings->domains["example.com"];
    domain.policy.domain = "example.com";
    domain.policy.flow_timer = 1;
    domain.policy.trusted = {*base::Network::parse(trusted_source)};
    domain.digest.realm = "example.com";
    for (const auto& each : listeners) settings->listeners.push_back({each.transport, each.address});
    return settings;
}

std::vector<Listener> listeners_of(const Host::Wish& wish) {
    std::vector<Listener> listeners;
    for (const auto& text : wish.udp) listeners.push_back({base::Transport::udp, *base::Address::parse(text), ""});
    for (const auto& text : wish.tcp) listeners.push_back({base::Transport::tcp, *base::Address::parse(text), ""});
    const auto shown = wish.files.certificates.empty() ? nullptr : load_tls(wish.files).server;
    auto add = [&](base::Transport transport, const std::vector<std::string>& addresses) {
        for (const auto& text : addresses)
            listeners.push_back({transport, *base::Address::parse(text), "", shown, wish.web});
    };
    add(base::Transport::tls, wish.tls);
    add(base::Transport::ws, wish.ws);
    add(base::Transport::wss, wish.wss);
    return listeners;
}

}  // namespace

void Ground::Chance::fill(std::span<std::uint8_t> out) {
    for (auto& byte : out) {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        byte = static_cast<std::uint8_t>(state_ >> 56);
    }
}

Ground::Ground(const std::vector<Listener>& listeners, unsigned workers)
    : workers_(workers), settings_(make_settings(listeners)) {
    accounts_.publish(auth::make_account("sip:alice@example.com", "alice", "example.com", "secret"), 1);
}

void Ground::bind(const std::vector<std::string>& contacts) {
    location::Bindings bindings;
    std::uint16_t q = 1'000;
    for (const auto& contact : contacts) {
        location::Binding binding;
        binding.contact = contact;
        binding.call_id = contact;
        binding.q = q;
        binding.has_q = true;
        q = static_cast<std::uint16_t>(q - 100);
        bindings.push_back(binding);
    }
    table_.publish(location::Record::encode("sip:alice@example.com", 1, read_clocks().mono, bindings));
}

std::unique_ptr<core::Core> Ground::make_core(std::uint32_t index) {
    chances_.push_back(std::make_unique<Chance>(100 + index));
    auto is_live = [this](const base::Flow& flow) { return is_live_(flow); };
    auto core = std::make_unique<core::Core>(
        index,
        core::Shared{table_, accounts_, keys_, used_, ringing_, rates_, liveness_, route_keys_, is_live, workers_},
        *chances_.back(), settings_, transaction::LayerOptions{});
    cores_.push_back(core.get());
    return core;
}

Host::Host(const Wish& wish) : Ground(listeners_of(wish), wish.workers) {
    is_live_ = [this](const base::Flow& flow) { return workers_->is_live(flow); };
    WorkerOptions options;
    options.workers = wish.workers;
    options.streams = wish.streams;
    options.boot = 77;
    options.listeners = listeners_of(wish);
    if (!wish.ca.empty()) options.tls_client = load_tls_client(wish.ca).client;
    Hooks hooks;
    if (wish.resolves) hooks.make_random = [] { return std::make_unique<Chance>(9); };
    hooks.push = [this, limit = wish.queue](std::vector<core::JobPtr>& jobs) { push(jobs, limit); };
    hooks.log = [this](const core::Event& event) {
        std::lock_guard lock(mutex_);
        ++events_;
        if (event.kind == core::Event::Kind::closed) closed_.push_back(std::string(event.rule) + ": " + event.subject);
    };
    workers_ = std::make_unique<Workers>(
        options, [this](std::uint32_t index) { return make_core(index); }, std::move(hooks));
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
        give_back(std::move(job));
    }
}

void Host::accept(std::vector<core::JobPtr> jobs) {
    for (auto& job : jobs) give_back(std::move(job));
}

void Host::give_back(core::JobPtr job) {
    const auto home = job->home;
    std::vector<core::JobPtr> one;
    one.push_back(std::move(job));
    workers_->give_back(home, std::move(one));
}

std::size_t Host::events() {
    std::lock_guard lock(mutex_);
    return events_;
}

std::vector<std::string> Host::closed() {
    std::lock_guard lock(mutex_);
    return closed_;
}

std::string request(const std::string& method, int number, const std::string& transport, const std::string& more) {
    const auto n = std::to_string(number);
    return method + " sip:example.com SIP/2.0\r\nVia: SIP/2.0/" + transport + " 127.0.0.1:5999;rport;branch=z9hG4bK" +
           n + "\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=f" + n +
           "\r\nTo: <sip:alice@example.com>\r\nCall-ID: call-" + n + "\r\nCSeq: 1 " + method + "\r\n" + more +
           (method == "REGISTER" && more.find("Contact") == more.npos ? "Contact: <sip:alice@127.0.0.1:5999>\r\n"
                                                                      : "") +
           "Content-Length: 0\r\n\r\n";
}

std::string invite(int number) {
    auto message = request("INVITE", number, "UDP", "Contact: <sip:edge@127.0.0.9>\r\n");
    const std::string_view uri = "INVITE sip:example.com";
    return message.replace(0, uri.size(), "INVITE sip:alice@example.com");
}

std::string answer(const std::string& start, const std::string& to) {
    std::string out = start + "\r\n";
    for (std::size_t at = to.find("\r\n") + 2; at < to.size() && to.compare(at, 2, "\r\n") != 0;) {
        const auto end = to.find("\r\n", at) + 2;
        const auto line = to.substr(at, end - at);
        for (auto name : {"Via:", "From:", "To:", "Call-ID:", "CSeq:"})
            if (line.rfind(name, 0) == 0)
                out += name == std::string("To:") ? line.substr(0, line.size() - 2) + ";tag=p\r\n" : line;
        at = end;
    }
    return out + "Content-Length: 0\r\n\r\n";
}

std::string final_answer(Client& caller) {
    auto answer = caller.receive();
    while (answer.rfind("SIP/2.0 1", 0) == 0) answer = caller.receive();
    return answer;
}

}  // namespace muster::net
