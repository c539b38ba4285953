#include "webhooks.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "history.hpp"
#include "log.hpp"
#include "muster/base/hash.hpp"
#include "muster/base/text.hpp"
#include "muster/net/worker.hpp"
#include "web_post.hpp"

namespace muster::daemon {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t batch_rows = 100;
constexpr base::Milliseconds rhythm{1'000};  // of batches that are not full, and of what is written down
constexpr base::Milliseconds longest_wait{300'000};

/// Replaces a small file, durably. False when that cannot be done.
bool write_file(const std::string& path, const std::string& text) {
    const auto beside = path + ".new";
    const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return false;
    const bool written = ::write(file, text.data(), text.size()) == std::ssize(text) && ::fsync(file) == 0;
    ::close(file);
    if (!written || ::rename(beside.c_str(), path.c_str()) != 0) return false;
    const auto folder = std::filesystem::path(path).parent_path();
    const int directory = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return false;
    const bool durable = ::fsync(directory) == 0;
    ::close(directory);
    return durable;
}

/// "DATABASE-webhook-" and a hash of the URL.
std::string position_file(const std::string& database, const std::string& url) {
    const auto hash = base::seeded_hash(url, 0);
    std::string path = database + "-webhook-";
    for (int shift = 56; shift >= 0; shift -= 8) {
        const auto byte = static_cast<std::uint8_t>(hash >> shift);
        base::append_hex(path, &byte, 1);
    }
    return path;
}

std::optional<std::uint64_t> read_position(const std::string& path) {
    std::string line;
    std::ifstream file(path);
    if (!std::getline(file, line)) return {};
    return base::decimal(line);
}

}  // namespace

/// One receiver, and the thread that tells it.
class Webhooks::Sender {
public:
    Sender(const config::Webhook& hook, const Events& events, std::string database, std::string ca,
           std::string name_servers)
        : hook_(hook),
          events_(events),
          database_(std::move(database)),
          ca_(std::move(ca)),
          name_servers_(std::move(name_servers)),
          file_(position_file(database_, hook.url)),
          where_((hook.to.host.find(':') == hook.to.host.npos ? hook.to.host : '[' + hook.to.host + ']') + ':' +
                 hook.to.port),
          thread_([this](const std::stop_token& stop) { run(stop); }) {}

    const config::Webhook& hook() const { return hook_; }
    void ask_to_stop() { thread_.request_stop(); }

    WebhookStatus status() const {
        std::lock_guard lock(mutex_);
        auto shown = status_;
        shown.url = hook_.url;
        shown.where = where_;
        const auto newest = events_.position();
        shown.lag = newest - std::min(newest, shown.position);
        return shown;
    }

private:
    void run(const std::stop_token& stop);
    void begin();
    void work(const std::stop_token& stop);
    void fall_out(std::uint64_t newest, const std::stop_token& stop);
    bool deliver(json::array events, const std::stop_token& stop);
    bool is_wanted(std::string_view event) const;
    bool is_of_ours(std::string_view aor) const;
    void come_to(std::uint64_t position);
    void write_down(bool at_once);
    void tell(std::string_view error);
    void wait(base::Milliseconds how_long, const std::stop_token& stop);

    const config::Webhook hook_;
    const Events& events_;
    const std::string database_, ca_, name_servers_, file_, where_;
    mutable std::mutex mutex_;
    WebhookStatus status_;  // guarded
    // Of the thread.
    std::optional<store::History> history_;
    std::optional<WebPost> post_;
    std::uint64_t position_ = 0, written_ = 0;
    Clock::time_point written_at_{}, sent_at_{};
    base::Milliseconds backoff_ = rhythm;
    std::mt19937_64 dice_{std::random_device{}()};
    std::condition_variable_any wake_;
    std::jthread thread_;  // last: it uses all of the above
};

void Webhooks::Sender::run(const std::stop_token& stop) {
    begin();
    while (!stop.stop_requested()) {
        try {
            if (!history_) history_.emplace(database_);
            if (!post_) post_.emplace(hook_.to, ca_, name_servers_);
            work(stop);
        } catch (const std::exception& error) {
            tell(error.what());
            history_.reset();
            wait(rhythm, stop);
        }
    }
    write_down(true);
}

/// Where it stopped; one that is new begins now, also if it cannot be reached for long.
void Webhooks::Sender::begin() {
    const auto found = read_position(file_);
    written_ = found.value_or(0);
    come_to(found.value_or(events_.position()));
    if (!found) write_down(true);
}

void Webhooks::Sender::work(const std::stop_token& stop) {
    const auto newest = events_.position();
    const auto since = std::chrono::duration_cast<base::Milliseconds>(Clock::now() - sent_at_);
    if (newest == position_ || (newest - position_ < batch_rows && newest > position_ && since < rhythm)) {
        write_down(false);
        return wait(newest == position_ ? rhythm : rhythm - since, stop);
    }
    if (newest < position_) return fall_out(newest, stop);
    const auto page =
        history_->after(position_, newest, batch_rows, [this](std::string_view aor) { return is_of_ours(aor); });
    if (page.is_gone) return fall_out(newest, stop);
    json::array events;
    for (const auto& change : page.changes) {
        auto shown = show(change);
        if (is_wanted(shown.event)) events.push_back(std::move(shown.data));
    }
    if (!events.empty() && !deliver(std::move(events), stop)) return;
    come_to(page.position);
    write_down(false);
}

/// What it has not been told is trimmed; or its position is of another database, such as one that was restored.
void Webhooks::Sender::fall_out(std::uint64_t newest, const std::stop_token& stop) {
    const auto oldest = history_->begin().position;
    log_line(Level::error, "webhook result=gone position=" + std::to_string(position_) +
                               " oldest=" + std::to_string(oldest) + " newest=" + std::to_string(newest) +
                               " host=" + where_ + " reason=\"changes that it was not told are not kept any more\"");
    {
        std::lock_guard lock(mutex_);
        ++status_.gaps;
    }
    json::array events{
        json::object{{"event", "gone"}, {"position", position_}, {"oldest", oldest}, {"newest", newest}}};
    if (!deliver(std::move(events), stop)) return;
    come_to(position_ > newest ? newest : history_->begin().position - 1);
    write_down(true);
}

/// Tries until it is taken. False when told to stop before.
bool Webhooks::Sender::deliver(json::array events, const std::stop_token& stop) {
    const auto count = events.size();
    const auto body = json::serialize(json::object{{"events", std::move(events)}});
    while (!stop.stop_requested()) {
        const auto now = std::chrono::duration_cast<base::Seconds>(net::read_clocks().wall.time_since_epoch());
        const auto time = std::to_string(now.count());
        const auto error = post_->post(
            body, {{"Muster-Signature", "t=" + time + ",v1=" + hmac_sha256(hook_.secret, time + '.' + body)}}, stop);
        sent_at_ = Clock::now();
        if (stop.stop_requested() && !error.empty()) return false;
        tell(error);
        if (error.empty()) {
            backoff_ = rhythm;
            std::lock_guard lock(mutex_);
            status_.sent += count;
            return true;
        }
        write_down(false);
        std::uniform_int_distribution<base::Milliseconds::rep> jitter(backoff_.count() / 2, backoff_.count());
        wait(base::Milliseconds(jitter(dice_)), stop);
        backoff_ = std::min(2 * backoff_, longest_wait);
    }
    return false;
}

bool Webhooks::Sender::is_wanted(std::string_view event) const {
    return hook_.events.empty() || std::ranges::count(hook_.events, event) != 0;
}

bool Webhooks::Sender::is_of_ours(std::string_view aor) const {
    return hook_.domains.empty() ||
           std::ranges::any_of(hook_.domains, [&](const auto& domain) { return is_of_domain(aor, domain); });
}

void Webhooks::Sender::come_to(std::uint64_t position) {
    position_ = position;
    std::lock_guard lock(mutex_);
    status_.position = position;
}

/// Once in a while is enough: what is told twice does no harm, and the disk is the writer's.
void Webhooks::Sender::write_down(bool at_once) {
    const auto now = Clock::now();
    if (position_ == written_ || (!at_once && now - written_at_ < rhythm)) return;
    written_at_ = now;
    if (write_file(file_, std::to_string(position_) + '\n' + hook_.url + '\n')) {
        written_ = position_;
    } else {
        log_line(Level::error, "webhook result=failed host=" + where_ + " reason=\"" + file_ + " cannot be written\"");
        written_at_ += std::chrono::minutes(1);
    }
}

/// The first failure of many is logged, and that it is over.
void Webhooks::Sender::tell(std::string_view error) {
    std::lock_guard lock(mutex_);
    if (error.empty() && status_.failures != 0)
        log_line(Level::info,
                 "webhook result=recovered failures=" + std::to_string(status_.failures) + " host=" + where_);
    if (!error.empty() && status_.failures == 0)
        log_line(Level::warning, "webhook result=failed host=" + where_ + " reason=\"" + base::printable(error) + '"');
    status_.failures = error.empty() ? 0 : status_.failures + 1;
    status_.error = error;
}

void Webhooks::Sender::wait(base::Milliseconds how_long, const std::stop_token& stop) {
    std::mutex none;
    std::unique_lock lock(none);
    wake_.wait_for(lock, stop, how_long, [] { return false; });
}

Webhooks::Webhooks(const Events& events) : events_(events) {}
Webhooks::~Webhooks() {
    for (auto& sender : senders_) sender->ask_to_stop();  // all of them before the first is waited for
}

void Webhooks::start(std::string database, const config::Config& config) {
    database_ = std::move(database);
    ca_ = config.tls_ca;
    name_servers_ = config.dns_servers;
    set(config.webhooks);
}

void Webhooks::set(const std::vector<config::Webhook>& hooks) {
    std::vector<std::unique_ptr<Sender>> leaving, staying;
    {
        std::lock_guard lock(mutex_);
        for (auto& sender : senders_)
            (std::ranges::count(hooks, sender->hook()) != 0 ? staying : leaving).push_back(std::move(sender));
        senders_ = std::move(staying);
    }
    for (auto& sender : leaving) sender->ask_to_stop();
    // Whoever loads a configuration does not wait for one that goes.
    std::jthread last_leaving([gone = std::move(leaving), before = std::move(leaving_)] {});
    leaving_ = std::move(last_leaving);
    std::lock_guard lock(mutex_);
    for (const auto& hook : hooks)
        if (std::ranges::none_of(senders_, [&](const auto& sender) { return sender->hook() == hook; }))
            senders_.push_back(std::make_unique<Sender>(hook, events_, database_, ca_, name_servers_));
    std::ranges::sort(senders_, {}, [&](const auto& sender) { return std::ranges::find(hooks, sender->hook()); });
}

std::vector<WebhookStatus> Webhooks::status() const {
    std::lock_guard lock(mutex_);
    std::vector<WebhookStatus> all;
    std::map<std::string, int> there;
    for (const auto& sender : senders_) {
        auto& shown = all.emplace_back(sender->status());
        if (const auto count = ++there[shown.where]; count > 1) shown.where += '#' + std::to_string(count);
    }
    return all;
}

}  // namespace muster::daemon
