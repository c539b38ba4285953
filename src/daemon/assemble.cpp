// Puts the rooms together.

#include <malloc.h>

#include <stdexcept>
#include <thread>

#include "daemon.hpp"
#include "log.hpp"
#include "muster/store/memory.hpp"
#include "muster/store/sqlite.hpp"

namespace muster::daemon {
namespace {

constexpr base::Milliseconds drain_patience{4'000};

std::unique_ptr<location::Store> open_store(const config::Config& config) {
    if (config.store == "memory:") return store::open_memory();
    store::SqliteOptions options{.path = database_path(config.store)};
    options.log.rows = config.tables.log_rows;
    options.warn = [](const std::string& line) { log_line(Level::warning, line); };
    return store::open_sqlite(options);
}

/// A nonce must be read for as long as any domain lets it serve.
base::Milliseconds turn_of_nonce_keys(const config::Config& config) {
    auto turn = auth::NonceKeys::usual_turn;
    for (const auto& [name, domain] : config.settings.domains) turn = std::max(turn, domain.digest.nonce_life);
    return turn;
}

unsigned worker_count(const config::Config& config) {
    return config.workers != 0 ? config.workers : std::max(1u, std::thread::hardware_concurrency());
}

std::vector<net::Listener> listeners_of(const config::Config& config, std::vector<net::TlsServerPtr> tls) {
    std::vector<net::Listener> listeners;
    for (const auto& listen : config.listen)
        listeners.push_back({listen.transport,
                             listen.address,
                             listen.advertise,
                             std::move(tls[listeners.size()]),
                             {listen.path, listen.origins, listen.ping}});
    return listeners;
}

std::optional<admin::HttpOptions> http_of(const config::Config& config) {
    if (!config.admin_http) return {};
    return admin::HttpOptions{*config.admin_http, config.admin_tls, config.admin_token, config.admin_hosts};
}

/// What the rules read. A listener on every address means those that this machine has; the first that is not loopback
/// is what others are told.
core::SettingsPtr settings_of(const config::Config& config) {
    auto settings = std::make_shared<core::Settings>(config.settings);
    for (const auto& listen : config.listen) {
        auto& listener = settings->listeners.emplace_back(
            core::Listener{listen.transport, listen.address, listen.advertise, listen.address});
        if (!listen.address.is_unspecified()) continue;
        for (const auto& own : net::local_addresses()) {
            if (own.is_v4() != listen.address.is_v4()) continue;
            settings->served.add_listen(own.ip_text(), listen.address.port);
            if (listener.usual.is_unspecified() || listener.usual.is_loopback()) listener.usual.ip = own.ip;
        }
    }
    return settings;
}

core::RouteKeys load_route_keys(core::BindingWriter& writer, base::Random& random) {
    core::RouteKeys keys;
    const auto secret = writer.secret("record-route", random, net::read_clocks());
    if (!secret.stored) {
        log_store_failure(writer.last_error());
        log_line(Level::warning, "calls under way do not outlive this run: their key was not stored");
    }
    keys.record_route = secret.bytes;
    const auto gruu = writer.secret("gruu", random, net::read_clocks());
    if (!gruu.stored) log_line(Level::warning, "temporary GRUUs do not outlive this run: their key was not stored");
    keys.gruu = gruu.bytes;
    random.fill(keys.loop);
    return keys;
}

}  // namespace

std::string database_path(std::string_view store) {
    constexpr std::string_view before = "sqlite:";
    return std::string(store.starts_with(before) ? store.substr(before.size()) : "");
}

Daemon::Daemon(config::Config config, std::string config_path, base::Milliseconds patience)
    : config_(std::move(config)),
      config_path_(std::move(config_path)),
      started_(net::read_clocks().mono),
      certificates_(config_),
      settings_(settings_of(config_)),
      places_(std::make_shared<config::Places>(config_.places)),
      store_(open_store(config_)),
      table_(random_.next()),
      accounts_(random_.next()),
      nonces_(random_, turn_of_nonce_keys(config_)),
      used_nonces_(config_.tables.nonces, random_.next()),
      ringing_(random_.next()),
      rates_(config_.tables.senders, random_.next()),
      liveness_(config_.tables.phones, random_.next()),
      queue_(config_.settings.admission.queue),
      watchdog_(patience) {
    writer_ = std::make_unique<core::BindingWriter>(
        *store_, table_, accounts_, [this](const location::Binding& b) { return is_dead(b); }, &feed_, random_.next());
    writer_->load(net::read_clocks());
    malloc_trim(0);  // what a load needs and serving does not
    keys_ = load_route_keys(*writer_, random_);

    net::WorkerOptions options;
    options.workers = worker_count(config_);
    auto tls = certificates_.load();
    options.listeners = listeners_of(config_, std::move(tls.listeners));
    options.tls_client = std::move(tls.client);
    options.limits = config_.settings.limits;
    options.streams.connections = config_.tables.connections;
    options.streams.per_source = config_.tables.connections_of_source;
    options.streams.output_backlog = config_.tables.connection_output;
    options.streams.buffered = config_.tables.connection_bytes;
    options.boot = random_.next();
    options.resolver.servers = config_.dns_servers;
    net::Hooks hooks;
    hooks.push = [this](std::vector<core::JobPtr>& jobs) { queue_.push(jobs); };
    hooks.log = [this](const core::Event& event) {
        turned_away_.hear(event);
        log_event(event);
    };
    hooks.explain = [this](const core::Explained& explained) { watchers_.tell(explained); };
    hooks.make_random = [] { return std::make_unique<KernelRandom>(); };
    workers_ = std::make_unique<net::Workers>(
        options, [this](std::uint32_t index) { return make_core(index); }, std::move(hooks));
    take_bans();
}

Daemon::~Daemon() { stop(); }

std::unique_ptr<core::Core> Daemon::make_core(std::uint32_t index) {
    worker_random_.push_back(std::make_unique<KernelRandom>());
    auto& random = *worker_random_.back();
    transaction::LayerOptions options;
    options.hash_seed = random.next();
    options.bytes = config_.tables.transaction_bytes;
    options.completed = config_.tables.transactions /
                        worker_count(config_);  // shared out: with more workers each has fewer requests a second
    core::Shared shared{table_,
                        accounts_,
                        nonces_,
                        used_nonces_,
                        ringing_,
                        rates_,
                        liveness_,
                        keys_,
                        [this](const base::Flow& flow) { return workers_->is_live(flow); },
                        worker_count(config_),
                        config_.tables.explained,
                        [this](std::string_view aor) { return watchers_.is_watched(aor); }};
    return std::make_unique<core::Core>(index, shared, random, settings_, options);
}

void Daemon::start() {
    if (const auto database = database_path(config_.store); !database.empty()) {
        events_.start(database);  // before the writer, who tells it of all that comes
        history_ = std::make_unique<HistoryDesk>(database);
        webhooks_.start(database, config_);
    }
    writer_thread_ = std::make_unique<WriterThread>(
        *writer_, queue_,
        [this](std::uint32_t home, std::vector<core::JobPtr> jobs) { workers_->give_back(home, std::move(jobs)); });
    if (auto fault = capture_.configure(config_.capture); !fault.empty()) log_line(Level::error, fault);
    workers_->start();
    admin_ = std::make_unique<admin::Server>(
        admin::ServerOptions{.socket = config_.admin_socket, .http = http_of(config_)},
        [this](admin::Request request, admin::Answer answer) { handle(*this, std::move(request), std::move(answer)); });
}

void Daemon::stop() {
    draining_ = true;
    if (workers_ && writer_thread_) workers_->drain(drain_patience);
    admin_.reset();  // so long it says that we are not ready
    webhooks_.stop();
    events_.stop();
    history_.reset();
    for (auto& [name, task] : tasks()) task->stop();  // while there is a writer that answers them
    writer_thread_.reset();
    workers_.reset();
}

void Daemon::Feed::announce(std::span<const location::Change> changes) {
    if (!changes.empty()) daemon_.events_.announce(changes.back().version);
    if (std::ranges::count(changes, location::ChangeKind::ban, &location::Change::kind) != 0) daemon_.take_bans();
    std::vector<std::string> aors;
    for (const auto& change : changes)
        if (change.kind == location::ChangeKind::bindings && daemon_.ringing_.maybe(change.key))
            aors.emplace_back(change.key);
    if (!aors.empty()) daemon_.workers_->announce(std::move(aors));
}

void Daemon::take_bans() {
    {
        std::lock_guard lock(bans_mutex_);
        bans_ = writer_->bans();
    }
    if (workers_) enforce_bans({});  // not yet, while the store is loaded
}

void Daemon::enforce_bans(std::function<void()> done) { workers_->set_bans(bans(), std::move(done)); }

core::BansPtr Daemon::bans() const {
    std::lock_guard lock(bans_mutex_);
    return bans_;
}

core::SettingsPtr Daemon::settings() const {
    std::lock_guard lock(settings_mutex_);
    return settings_;
}

std::shared_ptr<const config::Places> Daemon::places() const {
    std::lock_guard lock(settings_mutex_);
    return places_;
}

std::vector<std::string> Daemon::reload() {
    std::lock_guard one_at_a_time(reload_mutex_);
    std::vector<std::string> faults;
    auto loaded = config::load_file(config_path_, {net::check_tls, net::check_tls_ca});
    for (const auto& fault : loaded.faults) faults.push_back(fault.text());
    if (loaded.config)
        for (const auto& key : config::needs_restart(config_, *loaded.config))
            faults.push_back(config_path_ + ": a change of " + key + " needs a restart");
    for (const auto& fault : faults) log_line(Level::error, "config result=kept reason=\"" + fault + "\"");
    if (!faults.empty()) return faults;

    auto settings = settings_of(*loaded.config);
    {
        std::lock_guard lock(settings_mutex_);
        settings_ = settings;
        places_ = std::make_shared<config::Places>(std::move(loaded.config->places));
    }
    workers_->set_settings(settings);
    faults = certificates_.reload(*workers_);
    if (auto fault = capture_.configure(loaded.config->capture); !fault.empty()) faults.push_back(fault);
    webhooks_.set(loaded.config->webhooks);
    try {
        if (const auto http = http_of(*loaded.config); http && admin_) admin_->renew(*http);
    } catch (const std::runtime_error& error) {
        faults.emplace_back(error.what());
    }
    set_log_level(loaded.config->log_level);
    log_line(Level::info, "config result=reloaded");
    return faults;  // of files that have changed since they were checked
}

void Daemon::submit(core::JobPtr job, std::function<void(core::JobPtr)> done) {
    job->settings = settings();
    job->done = std::move(done);
    std::vector<core::JobPtr> jobs;
    jobs.push_back(std::move(job));
    queue_.push(jobs);
    if (jobs.empty()) return;
    jobs.front()->reject = base::Reject{503, "Queue Full", "commit not tried"};
    auto tell = std::move(jobs.front()->done);
    tell(std::move(jobs.front()));
}

bool Background::begin(Work work, admin::Answer answer) {
    if (busy_.exchange(true)) return false;
    progress_.done = progress_.total = 0;
    thread_ = std::jthread([this, work = std::move(work), answer = std::move(answer)](const std::stop_token& stop) {
        auto reply = work(stop, progress_);
        busy_ = false;  // before the answer: who has it may begin again
        answer(std::move(reply));
    });
    return true;
}

bool Daemon::is_dead(const location::Binding& binding) const {
    const auto flow = base::Flow::decode(binding.flow);
    if (!flow) return false;
    return !workers_->is_live(*flow) || liveness_.reach(*flow, net::read_clocks().mono) == proxy::Reach::unreachable;
}

bool Daemon::is_live(const location::Binding& binding) const {
    auto flow = base::Flow::decode(binding.flow);
    return !flow || workers_->is_live(*flow);  // one that an administrator made has no flow
}

}  // namespace muster::daemon
