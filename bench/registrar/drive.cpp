#include "drive.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace muster::bench {
namespace {

using namespace std::chrono_literals;

constexpr unsigned started_at_once = 64;  // then answers have their turn
constexpr unsigned stormed_at_once = 2'000;
constexpr unsigned reads_in_a_storm = 3;  // of all sockets, before the next so many send
constexpr Duration timer_beat = 10ms;

double own_cpu() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

std::atomic<bool> interrupted = false;

std::string user_name(std::uint32_t phone) { return "u" + std::to_string(phone); }
std::string password(std::uint32_t phone) { return "pw" + std::to_string(phone); }

double Tally::percentile(double share) const {
    if (latencies.empty()) return 0;
    const auto last = static_cast<double>(latencies.size() - 1);
    return latencies[static_cast<std::size_t>(share * last + 0.5)] / 1e3;
}

std::uint64_t Tally::wrong_count() const {
    return std::accumulate(wrong.begin(), wrong.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& kind) { return sum + kind.second; });
}

bool Timers::take_due(Time now, Entry& entry, Duration& length) {
    for (auto& [its_length, queue] : queues_) {
        if (queue.empty() || queue.front().due > now) continue;
        entry = queue.front();
        length = its_length;
        queue.pop_front();
        return true;
    }
    return false;
}

Drive::Drive(Wire& wire, std::uint32_t users, std::uint32_t phones_each, std::uint64_t seed)
    : wire_(wire), users_(users), random_(seed), phones_(users * phones_each), order_(phones_.size()) {
    for (std::uint32_t i = 0; i < phones_.size(); ++i)
        phones_[i].ha1 = md5_.hex({user_name(user_of(i)), domain, password(user_of(i))});
    std::iota(order_.begin(), order_.end(), 0u);
    std::shuffle(order_.begin(), order_.end(), random_);
    run_ = static_cast<std::uint32_t>(random_()) ^ static_cast<std::uint32_t>(Clock::now().time_since_epoch().count());
}

Tally Drive::run(const Load& load) {
    load_ = load;
    load_.window = static_cast<std::uint32_t>(std::min<std::uint64_t>({load.window, load.count, phones_.size()}));
    tally_ = {};
    tally_.latencies.reserve(std::min<std::uint64_t>(load.count, 10 * phones_.size()));
    timers_.clear();
    slots_.assign(load_.window, {});
    free_.resize(load_.window);
    std::iota(free_.rbegin(), free_.rend(), 0u);

    const double cpu = own_cpu();
    began_ = now_ = Clock::now();
    const auto deliver = [this](unsigned place, std::string_view bytes) { on_message(place, bytes); };
    for (Time beat = began_; now_ - began_ < load_.patience; now_ = Clock::now()) {
        if (interrupted) throw std::runtime_error("interrupted");
        bool more = start_due();
        if (tally_.started == load_.count && free_.size() == slots_.size()) break;
        if (now_ >= beat) {
            if (run_timers())
                more = true;
            else
                beat = now_ + std::min(timer_beat, load_.t1);
        }
        wire_.flush();
        const auto rest = std::min(timer_beat, load_.t1);
        wire_.poll(more ? Duration(0) : std::clamp<Duration>(next_due() - now_, Duration(0), rest), deliver);
        // Each phone of a storm hears its answer at once, however busy the others are with repeating themselves; these
        // have their turn as well.
        for (unsigned i = 0; load_.is_storm && i < reads_in_a_storm && wire_.poll(Duration(0), deliver); ++i)
            wire_.flush();
    }
    wire_.flush();
    if (load_.at_end) end_now();
    for (auto& slot : slots_)
        if (slot.is_busy) wrong(slot, "unfinished when patience ended");
    tally_.seconds = seconds_of(Clock::now() - began_);
    tally_.own_cpu_seconds = own_cpu() - cpu;
    std::sort(tally_.latencies.begin(), tally_.latencies.end());
    return std::move(tally_);
}

/// What has been asked for and not answered may have been done or not.
void Drive::end_now() {
    const auto deliver = [this](unsigned place, std::string_view bytes) { on_message(place, bytes); };
    load_.at_end();
    is_over_ = true;
    while (wire_.poll(Duration(0), deliver)) {
    }
    is_over_ = false;
    for (auto& slot : slots_) {
        if (!slot.is_busy) continue;
        if (slot.nonce_count > 0) phones_[slot.phone].asked = {slot.operation == Operation::removal ? 0 : slot.cseq};
        --tally_.started;
        finish(slot);
    }
}

/// When the next transaction is to start; without a rate, whenever there is room.
Time Drive::next_due() const {
    if (load_.rate <= 0 || tally_.started == load_.count) return Time::max();
    return began_ + std::chrono::duration_cast<Duration>(
                        std::chrono::duration<double>(static_cast<double>(tally_.started) / load_.rate));
}

/// True if more could be started at once.
bool Drive::start_due() {
    for (unsigned i = 0; tally_.started < load_.count && !free_.empty(); ++i) {
        if (i == (load_.is_storm ? stormed_at_once : started_at_once)) return true;
        const Time due = load_.rate > 0 ? next_due() : load_.is_storm ? began_ : now_;
        if (due > now_) return false;
        while (phones_[order_[cursor_ % order_.size()]].is_busy) ++cursor_;  // there are no more slots than phones
        auto& slot = slots_[free_.back()];
        free_.pop_back();
        slot = {};
        slot.phone = order_[cursor_++ % order_.size()];
        slot.started = due;
        slot.operation = load_.operation != Operation::churn ? load_.operation
                         : random_() % 4 == 0                ? Operation::removal
                                                             : Operation::refresh;
        if (load_.operation == Operation::late && phones_[slot.phone].told.cseq == 0)
            slot.operation = Operation::recall;
        slot.is_busy = true;
        phones_[slot.phone].is_busy = true;
        ++tally_.started;
        begin(slot);
    }
    return false;
}

/// The first request of a transaction, also when it is tried again.
void Drive::begin(Slot& slot) {
    slot.challenges = 0;
    slot.is_put_off = false;
    if (load_.operation == Operation::registration) phones_[slot.phone].nonce.clear();
    send_new(slot);
}

void Drive::send_new(Slot& slot) {
    auto& phone = phones_[slot.phone];
    slot.generation = ++generations_;
    slot.cseq = slot.operation == Operation::late ? phone.told.cseq : ++phone.cseq;
    slot.nonce_count = is_register() && !phone.nonce.empty() ? ++phone.nonce_count : 0;
    slot.is_provisional = false;
    slot.sent = now_;
    ++tally_.requests;
    send(slot);
    timers_.set(now_, load_.t1, number_of(slot), slot.generation);
}

/// Also once more: the same bytes, made from the same facts.
void Drive::send(const Slot& slot) {
    write_request(slot);
    wire_.send(place_of(slot), text_);
}

/// True if more are due: answers have their turn first.
bool Drive::run_timers() {
    Timers::Entry entry;
    Duration length;
    for (unsigned fired = 0; fired < stormed_at_once;) {
        if (!timers_.take_due(now_, entry, length)) return false;
        auto& slot = slots_[entry.slot];
        if (!slot.is_busy || slot.generation != entry.generation) continue;
        on_timer(slot, length);
        ++fired;
    }
    return true;
}

/// RFC 3261 timers A, B, E and F; the length of the next follows from that of the one that has fired.
void Drive::on_timer(Slot& slot, Duration length) {
    if (slot.is_put_off) return begin(slot);
    if (now_ - slot.sent >= 64 * load_.t1) {
        if (!load_.is_storm) return wrong(slot, "no final answer");
        ++tally_.timeouts;
        return begin(slot);
    }
    if (!wire_.way().is_stream && !(is_invite() && slot.is_provisional)) {
        ++tally_.retransmissions;
        send(slot);
    }
    const auto next = is_invite() ? 2 * length : slot.is_provisional ? load_.t2 : std::min(2 * length, load_.t2);
    timers_.set(now_, next, number_of(slot), slot.generation);
}

void Drive::finish(Slot& slot) {
    phones_[slot.phone].is_busy = false;
    slot.is_busy = false;
    free_.push_back(number_of(slot));
}

void Drive::wrong(Slot& slot, std::string what) {
    complain(std::move(what));
    finish(slot);
}

void Drive::complain(std::string what) { ++tally_.wrong[std::move(what)]; }

void Drive::on_message(unsigned place, std::string_view bytes) {
    now_ = Clock::now();
    const auto message = read_message(bytes);
    if (!message)
        complain("a message that cannot be read");
    else if (message->is_request())
        on_request(place, *message);
    else
        on_response(*message);
}

void Drive::on_response(const Message& message) {
    // z9hG4bK<run>.<slot>.<generation>
    unsigned run = 0, number = 0, generation = 0;
    const std::string branch(message.branch);
    if (std::sscanf(branch.c_str(), "z9hG4bK%8x.%x.%x", &run, &number, &generation) != 3 || run != run_ ||
        number >= slots_.size() || !slots_[number].is_busy || slots_[number].generation != generation) {
        ++tally_.strays;
        return;
    }
    auto& slot = slots_[number];
    if (message.call_id != call_id(slot)) return wrong(slot, "another Call-ID");
    if (message.cseq != slot.cseq || message.cseq_method != method()) return wrong(slot, "another CSeq");
    if (slot.is_put_off) return void(++tally_.strays);
    if (message.status < 200)
        slot.is_provisional = true;
    else
        judge(slot, message);
}

void Drive::judge(Slot& slot, const Message& message) {
    if (message.status == 401 && is_over_) return;
    if (message.status == 401 && is_register() && slot.challenges < 3) {
        if (slot.nonce_count == 0 || parameter(message.challenge, ',', "stale") == "true") {
            tally_.stale += slot.nonce_count != 0;
            ++slot.challenges;
            if (!take_challenge(slot, message)) return wrong(slot, "a challenge that cannot be answered");
            return send_new(slot);
        }
    }
    if (message.status == 503 && load_.is_storm) {
        ++tally_.put_off;
        slot.is_put_off = true;
        return timers_.set(now_, std::chrono::seconds(number(message.retry_after).value_or(5)), number_of(slot),
                           slot.generation);
    }
    if (is_invite() && message.status >= 300) send_ack(slot, message);
    if (const char* fault = fault_in(slot, message))
        return wrong(slot, fmt::format("{}: {}", message.start.substr(0, 60), fault));
    keep_in_mind(slot);
    ++tally_.right;
    tally_.latencies.push_back(
        static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(now_ - slot.started).count()));
    finish(slot);
}

/// Remembers what the next request of the phone is signed with. The passwords are of one realm and MD5.
bool Drive::take_challenge(Slot& slot, const Message& message) {
    auto list = message.challenge;
    if (!list.starts_with("Digest ")) return false;
    list.remove_prefix(7);
    const auto nonce = parameter(list, ',', "nonce");
    if (!nonce || nonce->empty() || parameter(list, ',', "realm") != domain ||
        parameter(list, ',', "algorithm").value_or("MD5") != "MD5" || parameter(list, ',', "qop") != "auth")
        return false;
    auto& phone = phones_[slot.phone];
    phone.nonce = *nonce;
    phone.nonce_count = 0;
    return true;
}

/// The phone is told that its binding is as it wanted it.
void Drive::keep_in_mind(const Slot& slot) {
    if (load_.operation != Operation::churn) return;
    auto& phone = phones_[slot.phone];
    phone.told = phone.asked = {slot.operation == Operation::removal ? 0 : slot.cseq};
}

/// What is there must be what the phone was told last, or what it has asked for since. From now on it knows.
const char* Drive::recall(std::uint32_t phone, const Message& message) {
    auto& its = phones_[phone];
    const auto parameters = contact_parameters(message, contact(phone));
    const Bound found{parameters ? number(parameter(*parameters, ';', "cseq").value_or("")).value_or(1) : 0};
    const bool is_right = found == its.told || found == its.asked;
    const bool was_bound = its.told.cseq != 0;
    its.told = its.asked = found;
    if (is_right) return nullptr;
    return !parameters ? "acknowledged, and lost"
           : was_bound ? "another state than the one acknowledged"
                       : "removed, and there again";
}

bool Drive::names_a_phone_of(std::uint32_t user, const Message& message) const {
    for (auto phone = user; phone < phones_.size(); phone += users_)
        if (has_contact(message, contact(phone))) return true;
    return false;
}

/// Null when it is the right final answer.
const char* Drive::fault_in(const Slot& slot, const Message& message) {
    const bool redirected = load_.operation == Operation::redirect;
    const bool refused = slot.operation == Operation::late;
    if (message.status != (redirected ? 302 : refused ? 500 : 200)) return "not the status expected";
    if (refused) return nullptr;
    const auto tag = parameter(message.to.substr(std::min(message.to.find('>'), message.to.size())), ';', "tag");
    if (!tag || tag->empty()) return "no tag in To";
    if (!is_register() && !redirected && tag != "callee") return "not the answer of the phone";
    if (is_register() && slot.nonce_count == 0) return "accepted without credentials";
    if (!is_register() && !redirected)  // of any of the user's phones
        return names_a_phone_of(user_of(slot.phone), message) ? nullptr : "without the contact of the phone";
    const auto uri = contact(slot.phone);
    if (slot.operation == Operation::recall) return recall(slot.phone, message);
    if (slot.operation == Operation::removal) return has_contact(message, uri) ? "the contact is still there" : nullptr;
    if (!has_contact(message, uri)) return "without the contact of the phone";
    if (!is_register()) return nullptr;
    const auto expires = contact_expires(message, uri);
    return expires && *expires >= 1 && *expires <= 3'600 ? nullptr : "an expiry that was not asked for";
}

/// The phone that is called.
void Drive::on_request(unsigned place, const Message& message) {
    if (message.cseq_method == "ACK") return;
    const auto space = message.start.find(' ');
    const auto uri = message.start.substr(space + 1, message.start.rfind(' ') - space - 1);
    const auto phone = number(uri.starts_with("sip:u") ? uri.substr(5, uri.find('@') - 5) : "");
    if (!phone || *phone >= phones_.size() || place != place_of(*phone) || uri != contact(*phone))
        return complain("a request for another phone");

    text_ = "SIP/2.0 200 OK\r\n";
    std::string_view rest = message.fields, name, value;
    while (next_field(rest, name, value)) {
        const bool to = is_field(name, "To", 't');
        if (!to && !is_field(name, "Via", 'v') && !is_field(name, "From", 'f') && !is_field(name, "Call-ID", 'i') &&
            !is_field(name, "CSeq") && !is_field(name, "Record-Route"))
            continue;
        text_.append(name).append(": ").append(value).append(to ? ";tag=callee\r\n" : "\r\n");
    }
    text_.append("Contact: <").append(uri).append(">\r\nContent-Length: 0\r\n\r\n");
    wire_.send(place, text_);
}

}  // namespace muster::bench
