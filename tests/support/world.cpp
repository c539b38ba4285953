#include "support/world.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "muster/config/config.hpp"
#include "muster/store/memory.hpp"
#include "support/phone.hpp"

namespace muster::test {
namespace {

/// With MUSTER_TRACE set, each message is shown as it arrives.
void trace(base::Now now, std::string_view way, const base::Flow& flow, std::string_view bytes) {
    static const bool wanted = std::getenv("MUSTER_TRACE") != nullptr;
    if (!wanted) return;
    std::cerr << now.mono.time_since_epoch().count() << ' ' << way << ' ' << flow.source() << '\n' << bytes << '\n';
}

/// Thrown out of a commit at which the machine dies.
struct Died {};

core::SettingsPtr settings_of(const std::string& yaml) {
    auto loaded = config::load_text(yaml, "world.yaml");
    if (!loaded.config) throw std::runtime_error(loaded.faults.at(0).text());
    auto& settings = loaded.config->settings;
    if (yaml.find("nat_ping") == yaml.npos)  // its phones say nothing that a test does not speak of
        for (auto& [name, domain] : settings.domains) domain.nat_ping = {};
    settings.served.add_listen("192.0.2.1", 5060);  // where every message of this world arrives
    settings.listeners.clear();
    for (const auto& listen : loaded.config->listen) {
        core::Listener listener{listen.transport, listen.address, listen.advertise, listen.address};
        if (listener.address.is_unspecified())
            listener.usual = listener.address.is_v4() ? base::Address::v4(192, 0, 2, 1, listener.address.port)
                                                      : base::Address::parse("[2001:db8:1::1]:5060").value();
        settings.listeners.push_back(std::move(listener));
    }
    settings.served.add_listen("2001:db8:1::1", 5060);
    for (const auto& [transport, port] : {std::pair(base::Transport::tls, 5061), std::pair(base::Transport::ws, 8080),
                                          std::pair(base::Transport::wss, 8443)}) {  // they need no certificate here
        const auto at = base::Address::v4(192, 0, 2, 1, static_cast<std::uint16_t>(port));
        settings.listeners.push_back({transport, at, {}, at});
        settings.served.add_listen("192.0.2.1", at.port);
    }
    return std::make_shared<const core::Settings>(std::move(settings));
}

base::Address address_of(std::string_view text) {
    auto address = base::Address::parse(text);
    if (!address) throw std::runtime_error("no address: " + std::string(text));
    return *address;
}

}  // namespace

/// The world's store, but for the commits that are not to succeed.
class World::FatefulStore final : public location::Store {
public:
    FatefulStore(World& world, std::unique_ptr<location::Store> inner) : world_(world), inner_(std::move(inner)) {}

    void load(const std::function<void(const location::Stored&)>& sink) override { inner_->load(sink); }
    location::CommitResult commit(std::span<location::Change> changes) override {
        const auto what = world_.fate ? world_.fate() : Fate::done;
        if (what == Fate::failed) return {location::CommitStatus::failed, {}, "made to fail"};
        if (what == Fate::down) return {location::CommitStatus::down, {}, "made to be down"};
        if (what == Fate::crash_before) throw Died{};
        auto result = inner_->commit(changes);
        if (what == Fate::crash_after) throw Died{};
        world_.die_if_it_has();
        if (world_.on_commit) world_.on_commit(result);
        return result;
    }
    void watch(std::function<void(const location::Stored&)> sink) override { inner_->watch(std::move(sink)); }
    bool maintain(base::Now now, const location::IsCurrent& is_current, const location::Exists& exists) override {
        const bool more = inner_->maintain(now, is_current, exists);
        world_.die_if_it_has();
        return more;
    }

private:
    World& world_;
    std::unique_ptr<location::Store> inner_;
};

World::World(const std::string& yaml, std::uint64_t seed, std::uint16_t cores, OpenStore open)
    : random_(seed), settings_(settings_of(yaml)), open_(std::move(open)), core_count_(cores) {
    if (!open_) store_ = std::make_unique<FatefulStore>(*this, store::open_memory());
    start();
}

World::~World() = default;

void World::configure(const std::string& yaml) {
    settings_ = settings_of(yaml);
    for (auto& core : cores_) core->set_settings(settings_);
}

void World::start() {
    ++boot_;
    streams_.clear();
    connected_.clear();
    cores_.clear();
    queue_.clear();
    commit_wanted_ = false;
    while (!loads()) {
    }
    nonces_ = std::make_unique<auth::NonceKeys>(random_);
    used_nonces_ = std::make_unique<auth::NonceTable>(4'096, random_.next());
    ringing_ = std::make_unique<core::Ringing>(random_.next());
    rates_ = std::make_unique<core::RateTable>(1'024, random_.next());
    liveness_ = std::make_unique<core::Liveness>(4'096, 1);
    random_.fill(keys_.record_route);
    if (boot_ == 1) random_.fill(keys_.gruu);  // a stored secret
    random_.fill(keys_.loop);
    auto is_live = [this](const base::Flow& flow) { return !base::is_stream(flow.transport) || is_open(flow); };
    constexpr std::size_t explained = 1'000;
    const core::Shared shared{*table_,  *accounts_, *nonces_, *used_nonces_, *ringing_,
                              *rates_,  *liveness_, keys_,    is_live,       static_cast<std::uint32_t>(core_count_),
                              explained};
    for (std::uint32_t i = 0; i < core_count_; ++i) {
        transaction::LayerOptions options;
        options.hash_seed = random_.next();
        cores_.push_back(std::make_unique<core::Core>(i, shared, random_, settings_, options));
    }
}

void World::die_if_it_has() const {
    if (has_died && has_died()) throw Died{};
}

/// The new process may die in its load as well, or refuse it: false then.
bool World::loads() try {
    auto is_dead_binding = [this](const location::Binding& binding) { return is_dead(binding.flow); };
    writer_.reset();
    if (open_) {
        store_.reset();
        store_ = std::make_unique<FatefulStore>(*this, open_());
    }
    table_ = std::make_unique<location::Table>(random_.next());
    accounts_ = std::make_unique<auth::Accounts>(random_.next());
    writer_ = std::make_unique<core::BindingWriter>(*store_, *table_, *accounts_, is_dead_binding,
                                                    static_cast<core::CommitFeed*>(this));
    writer_->load(now_);
    die_if_it_has();
    return true;
} catch (const Died&) {
    return false;
} catch (const std::runtime_error& error) {
    if (!(has_died && has_died()) && !(on_refused && on_refused(error.what()))) throw;
    return false;
}

void World::crash() {
    start();
    if (on_crash) on_crash();
}

void World::drain() {
    for (auto& core : cores_)
        to_core(*core, [this](core::Core& its, core::Outbox& out) { its.begin_drain(now_, out); });
}

std::string World::what_is_left() const {
    std::string left;
    for (std::size_t i = 0; i < cores_.size(); ++i) {
        auto some = [&](const char* what, std::size_t count) {
            if (count != 0) left += "core " + std::to_string(i) + ": " + std::to_string(count) + " " + what + "\n";
        };
        some("transactions", cores_[i]->transactions());
        some("requests without a final response", cores_[i]->pending_forwards());
        some("requests on their way", cores_[i]->forwards());
        some("jobs", cores_[i]->pending_jobs());
    }
    for (const auto& [name, password] : passwords_)
        if (ringing_->maybe("sip:" + name)) left += "a call to " + name + "\n";
    return left;
}

void World::account(std::string_view aor, std::string_view password, std::string_view username,
                    std::vector<std::string> aliases) {
    auto canonical = sip::aor_from_text(aor, settings_->served);
    if (!canonical) throw std::runtime_error("not an AOR of ours: " + std::string(aor));
    if (username.empty()) username = canonical->user();
    auto account =
        auth::make_account(canonical->text, std::string(username), std::string(canonical->domain()), password);
    for (const auto& alias : aliases)
        if (auto other = sip::aor_from_text(alias, settings_->served)) account.aliases.push_back(other->text);
    passwords_[std::string(aor)] = password;
    admin(core::AccountsPut{{std::move(account)}, false});
}

core::JobPtr World::admin(decltype(core::Job::what) what) {
    std::vector<core::JobPtr> batch(1);
    batch[0] = std::make_unique<core::Job>();
    batch[0]->settings = settings_;
    batch[0]->what = std::move(what);
    writer_->run_batch(batch, now_);
    settle();
    return std::move(batch[0]);
}

// Time.

std::optional<base::Mono> World::next_moment() const {
    std::optional<base::Mono> first;
    auto consider = [&](std::optional<base::Mono> at) {
        if (at) first = std::min(*at, first.value_or(*at));
    };
    if (!events_.empty()) consider(events_.begin()->first);
    for (const auto& core : cores_) consider(core->next_deadline());
    if (!commits_wait) consider(writer_->next_expiry());
    return first;
}

/// Events never happen inside each other: what one makes happen follows it.
void World::soon(std::function<void()> what) { soon_.push_back(std::move(what)); }

void World::settle() {
    if (happening_) return;
    struct Happening {
        explicit Happening(bool& its_flag) : flag(its_flag) { flag = true; }
        ~Happening() { flag = false; }
        bool& flag;
    } happening(happening_);
    while (!soon_.empty()) {
        auto what = std::move(soon_.front());
        soon_.pop_front();
        what();
    }
}

void World::to_core(core::Core& core, std::function<void(core::Core&, core::Outbox&)> what, base::Milliseconds delay) {
    auto happen = [this, &core, what = std::move(what), boot = boot_] {
        if (boot != boot_) return;
        core::Outbox out;
        what(core, out);
        carry_out(core, out);
    };
    if (delay.count() != 0) return after(delay, std::move(happen));
    soon(std::move(happen));
    settle();
}

/// All that is due now.
void World::happens() {
    while (!events_.empty() && events_.begin()->first <= now_.mono) {
        soon(std::move(events_.begin()->second));
        events_.erase(events_.begin());
    }
    for (auto& core : cores_)
        if (auto due = core->next_deadline(); due && *due <= now_.mono)
            to_core(*core, [this](core::Core& its, core::Outbox& out) { its.on_time(now_, out); });
    settle();
    if (auto due = writer_->next_expiry(); !commits_wait && due && *due <= now_.mono) commit();
}

void World::passes(base::Milliseconds span) {
    const auto until = now_.mono + span;
    int idle = 0;  // rounds in which time stood still
    for (auto next = next_moment(); next && *next <= until; next = next_moment()) {
        auto step = std::max(*next - now_.mono, base::Milliseconds(0));
        now_.mono += step;
        now_.wall += step;
        idle = step.count() == 0 ? idle + 1 : 0;
        if (idle > 10'000) throw std::runtime_error("something is due again and again");
        happens();
    }
    now_.wall += until - now_.mono;
    now_.mono = until;
}

// Network.

base::Flow World::udp(std::string_view address) const {
    base::Flow flow;
    flow.remote = address_of(address);
    flow.local = address_of(flow.remote.is_v4() ? "192.0.2.1:5060" : "[2001:db8:1::1]:5060");
    return flow;
}

base::Flow World::stream(std::string_view address, base::Transport transport) {
    if (auto open = streams_.find(std::string(address)); open != streams_.end()) return open->second;
    auto flow = udp(address);
    flow.transport = transport;
    flow.boot = boot_;
    flow.slot = next_slot_++;
    flow.worker = static_cast<std::uint16_t>(flow.slot % core_count_);
    const auto& listeners = settings_->listeners;
    auto listener = std::ranges::find(listeners, transport, &core::Listener::transport);
    if (listener != listeners.end()) {
        flow.listener = static_cast<std::uint16_t>(listener - listeners.begin());
        flow.local.port = listener->address.port;
    }
    return streams_[std::string(address)] = flow;
}

void World::certifies(const base::Flow& stream, std::vector<std::string> names) {
    core_for(stream).on_flow_opened(stream, std::move(names));
}

void World::closes(const base::Flow& flow) {
    if (!is_open(flow)) return;
    auto held = streams_.find(flow.remote.text());
    if (held != streams_.end() && held->second == flow) streams_.erase(held);
    std::erase_if(connected_, [&](const Connected& each) { return each.flow == flow; });
    for (auto& core : cores_)
        to_core(*core, [this, flow](core::Core& its, core::Outbox& out) { its.on_flow_closed(flow, now_, out); });
}

void World::closes_all(std::string_view address) {
    const auto opened = connected_;
    for (const auto& each : opened)
        if (each.flow.remote.text() == address) closes(each.flow);
}

bool World::is_open(const base::Flow& flow) const {
    if (std::ranges::find(connected_, flow, &Connected::flow) != connected_.end()) return true;
    auto open = streams_.find(flow.remote.text());
    return open != streams_.end() && open->second == flow;
}

bool World::is_deserted(const base::Flow& flow) const {
    if (deserted_.contains(flow.remote.text())) return true;
    if (!is_desert) return false;
    for (const auto& [name, phone] : phones_)
        if (phone->flow.remote == flow.remote) return false;
    return std::ranges::none_of(endpoints_, [&](const auto* endpoint) { return endpoint->is_at(flow); });
}

/// The stream that a worker has to an address, or a new one; none when nobody takes connections there.
std::optional<base::Flow> World::opened(const base::Flow& flow) {
    for (const auto& each : connected_)
        if (each.as == flow) return each.flow;
    if (flow.transport == base::Transport::tls) {  // who is to be there must be said
        const auto peer = std::ranges::find(peers_, flow.boot, &core::Peer::id);
        if (peer == peers_.end()) return {};
        wanted.push_back(peer->host);
    }
    if (refused_.contains(flow.remote.text()) || is_deserted(flow)) return {};
    auto stream = flow;
    stream.boot = boot_;
    stream.slot = next_slot_++;
    stream.local = address_of("192.0.2.1:5060");
    connected_.push_back({stream, flow});
    return stream;
}

bool World::is_dead(std::string_view text) const {
    auto flow = base::Flow::decode(text);
    if (!flow) return false;
    if (base::is_stream(flow->transport)) return !is_open(*flow);
    return liveness_->reach(*flow, now_.mono) == proxy::Reach::unreachable;
}

/// The kernel gives all datagrams of one 4-tuple to one worker.
std::uint32_t World::home_of(const base::Flow& flow) const {
    if (base::is_stream(flow.transport)) return flow.worker;
    return static_cast<std::uint32_t>((flow.remote.ip[15] + flow.remote.port) % core_count_);
}

void World::travels(const base::Flow& flow, std::map<std::string, base::Mono>& last, std::function<void()> delivery) {
    auto some_time = [&] {
        auto most = static_cast<std::uint64_t>(network.delay.count());
        return base::Milliseconds(most == 0 ? 0 : random_.below(most + 1));
    };
    if (base::is_stream(flow.transport)) {
        auto& before = last[flow.encode()];
        before = std::max(before, now_.mono + some_time());
        if (before > now_.mono)
            events_.emplace(before, std::move(delivery));
        else
            soon(std::move(delivery));
        return settle();
    }
    const int copies = random_.chance(network.lost) ? 0 : random_.chance(network.doubled) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
        if (auto time = some_time(); time.count() == 0)
            soon(delivery);
        else
            after(time, delivery);
    }
    settle();
}

void World::transmits(const base::Flow& flow, std::string_view bytes) {
    travels(flow, last_up_, [this, flow, text = std::string(bytes)] {
        if (!base::is_stream(flow.transport) || is_open(flow)) takes(home_of(flow), flow, text);
    });
}

void World::arrives(const base::Flow& flow, std::string_view bytes) {
    soon([this, flow, text = std::string(bytes)] { takes(home_of(flow), flow, text); });
    settle();
}

void World::takes(std::uint32_t home, const base::Flow& flow, std::string_view bytes) {
    trace(now_, "core " + std::to_string(home) + " <-", flow, bytes);
    auto& core = *cores_[home];
    core::Outbox out;
    // A copy of exactly that size: a read past its end is found.
    std::vector<char> exact(bytes.begin(), bytes.end());
    const auto before = core.counters().retransmissions;
    works([&] { core.on_message(flow, {exact.data(), exact.size()}, now_, out); });
    if (on_arrived) on_arrived({flow, bytes, core.counters().retransmissions != before, out});
    carry_out(core, out);
}

void World::works(const std::function<void()>& what) {
    struct Work {
        explicit Work(const std::function<void(bool)>& its) : tell(its) {
            if (tell) tell(true);
        }
        ~Work() {
            if (tell) tell(false);
        }
        const std::function<void(bool)>& tell;
    } work(at_work);
    try {
        what();
    } catch (const std::bad_alloc&) {
    }
}

void World::carry_out(core::Core& core, core::Outbox& out) {
    for (auto& job : out.jobs) {
        if (queue_.size() < queue_limit) {
            queue_.push_back(std::move(job));
            continue;
        }
        core::Outbox refused;
        core.on_queue_full(std::move(job), now_, refused);
        if (on_answered) on_answered(refused);
        for (const auto& send : refused.sends.entries()) sends(core, send.flow, std::string(refused.sends.bytes(send)));
    }
    peers_ = out.peers;
    for (const auto& send : out.sends.entries()) sends(core, send.flow, std::string(out.sends.bytes(send)));
    for (const auto& question : out.questions) asks(core, question);
    for (const auto& handover : out.handovers)
        soon([this, handover, boot = boot_] {
            if (boot == boot_) takes(handover.home, handover.flow, handover.bytes);
        });
    for (const auto& flow : out.closes) soon([this, flow] { closes(flow); });
    if (!queue_.empty()) want_commit();
}

void World::sends(core::Core& core, base::Flow flow, std::string bytes) {
    if (base::is_stream(flow.transport)) {
        auto stream = flow.is_unopened() ? opened(flow) : is_open(flow) ? std::optional(flow) : std::nullopt;
        if (!stream)
            return to_core(core,
                           [this, flow](core::Core& its, core::Outbox& out) { its.on_send_failed(flow, now_, out); });
        flow = *stream;
    } else if (is_deserted(flow)) {
        return;
    }
    travels(flow, last_down_, [this, flow, text = std::move(bytes)] { reaches_phone(flow, text); });
}

void World::asks(core::Core& core, const core::Question& question) {
    asked.push_back(question.host);
    std::vector<core::Place> places;
    if (auto found = dns.find(question.host); found != dns.end()) places = found->second;
    for (auto& place : places) {
        if (place.address.port == 0) place.address.port = question.port != 0 ? question.port : 5060;
        if (question.transport) place.transport = *question.transport;
    }
    to_core(
        core,
        [this, id = question.id, places](core::Core& its, core::Outbox& out) { its.on_answer(id, places, now_, out); },
        dns_delay);
}

/// The commit feed: as the daemon, it troubles the workers for those alone whom somebody rings.
void World::announce(std::span<const location::Change> changes) {
    std::vector<std::string> aors;
    for (const auto& change : changes)
        if (change.kind == location::ChangeKind::bindings && ringing_->maybe(change.key)) aors.emplace_back(change.key);
    if (aors.empty()) return;
    soon([this, aors, boot = boot_] {
        for (auto& core : cores_)
            if (boot == boot_)
                to_core(*core, [this, aors](core::Core& its, core::Outbox& out) { its.on_changed(aors, now_, out); });
    });
}

void World::reaches_phone(const base::Flow& flow, const std::string& bytes) {
    trace(now_, "->", flow, bytes);
    if (flow.remote == flow.local) return takes(home_of(flow), flow, bytes);  // a spiral
    for (auto& [name, phone] : phones_) {
        const bool its = base::is_stream(flow.transport)
                             ? phone->flow == flow
                             : flow.transport == phone->flow.transport && flow.remote == phone->flow.remote;
        if (its && phone->receives(bytes)) return;
    }
    for (auto* endpoint : endpoints_)
        if (endpoint->is_at(flow)) return endpoint->receives(flow, bytes);
    inbox.push_back({flow, bytes});
}

Phone& World::phone(const std::string& name) {
    auto& phone = phones_[name];
    if (!phone) {
        auto user = name.substr(0, name.find('/'));
        auto account = passwords_.lower_bound(user + "@");
        if (account == passwords_.end() || !account->first.starts_with(user + "@"))
            throw std::runtime_error("no account of " + user);
        auto address = "192.0.2." + std::to_string(100 + phones_.size()) + ":5060";
        phone = std::make_unique<Phone>(*this, account->first, account->second, udp(address));
    }
    return *phone;
}

// The writer.

void World::want_commit() {
    if (commits_wait || commit_wanted_) return;
    if (commit_every.count() == 0) return commit();
    commit_wanted_ = true;
    auto wait = base::Milliseconds(1 + random_.below(static_cast<std::uint64_t>(commit_every.count())));
    after(wait, [this, boot = boot_] {
        if (boot != boot_) return;
        commit_wanted_ = false;
        commit();
    });
}

void World::commit() {
    if (!happening_) {
        soon([this] { commit(); });
        return settle();
    }
    const auto boot = boot_;
    auto batch = std::move(queue_);
    queue_.clear();
    if (before_batch) before_batch(batch);
    try {
        works([&] {
            try {
                writer_->run_batch(batch, now_);
            } catch (const std::bad_alloc&) {
                throw Died{};
            }
        });
    } catch (const Died&) {
        return crash();
    }
    if (after_batch) after_batch(batch);
    for (auto& job : batch) {
        if (boot != boot_) return;  // an answer made a phone send what made the machine die
        core::Outbox out;
        auto& home = *cores_[job->home];
        works([&] { home.on_outcome(std::move(job), now_, out); });
        if (on_answered) on_answered(out);
        carry_out(home, out);
    }
    if (!tends || boot != boot_) return;
    try {
        writer_->maintain(now_);
    } catch (const Died&) {
        crash();
    }
}

std::map<std::string, location::Record> World::on_disk() {
    std::map<std::string, location::Record> all;
    store_->load([&](const location::Stored& stored) {
        if (stored.kind != location::ChangeKind::bindings) return;
        auto age = std::max(now_.wall - stored.at, base::Milliseconds(0));
        auto record = location::Record::from_text(stored.key, stored.version, now_.mono - age, stored.record);
        if (!record) throw std::runtime_error("damaged on disk: " + std::string(stored.key));
        all[std::string(stored.key)] = *record;
    });
    return all;
}

std::map<std::string, location::Record> World::in_memory() const {
    std::map<std::string, location::Record> all;
    std::string cursor;
    do {
        cursor = table_->page(cursor, 1'000, [&](std::string_view aor, const location::Record& record) {
            all[std::string(aor)] = record;
        });
    } while (!cursor.empty());
    return all;
}

std::string World::disk_differs() {
    auto disk = on_disk();
    for (const auto& [aor, record] : in_memory()) {
        auto stored = disk.find(aor);
        if (stored == disk.end()) return aor + " is in memory only";
        if (stored->second.text() != record.text()) return aor + " differs";
        if (stored->second.version() != record.version()) return aor + " has another version";
        disk.erase(stored);
    }
    return disk.empty() ? "" : disk.begin()->first + " is on disk only";
}

}  // namespace muster::test
